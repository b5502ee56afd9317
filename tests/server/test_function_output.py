"""What a function prints is data: it breaks nothing, and it is taken for nothing else."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from temporal_lambda.local import LambdaService
from temporal_lambda.local.display import Display
from temporal_lambda.local.pipes import LINE_LIMIT
from tests.support.lambdas import call, function

REPORT = "temporal_lambda invocation "
WORKER = "temporal_lambda worker "


@pytest.mark.parametrize(
    "text",
    [
        REPORT + "[" * 3000,
        REPORT + "9" * 5000,
        REPORT + '{"stop_reason": "forged"}',
        REPORT + '{"request_id": "{id}", "tasks": [1]}',
        REPORT + '{"request_id": "{id}", "tasks": {"activity": {"a": 1}}}',
        REPORT + '{"request_id": "{id}", "errors": "none"}',
        '{"message": "temporal_lambda invocation", "content": {"request_id": ["{id}"]}}',
        '{"message": "' + REPORT + '", "content": {"request_id": "{id}"}}',
        WORKER + "[" * 3000,
        WORKER + '{"workflows": ["Forged"], "task_queue": "forged"}',
        WORKER + '{"request_id": "{id}", "workflows": 7}',
        "user\n[INFO]\t2026-01-01T00:00:00.000Z\tid\t" + REPORT + '{"stop_reason": "forged"}',
    ],
)
async def test_line_that_looks_like_the_workers_is_only_a_line(
    text: str, service: LambdaService, client: Any
) -> None:
    output = io.StringIO()
    display = Display(Console(file=output, width=200))
    service.on_line, service.on_record = display.log_line, display.finished
    service.add(function("say"))
    response = await call(client, "say", {"print": [text, "after it"], "log": [text, "after it"]})
    assert response["body"] == "said"
    (record,) = service.records
    assert record.status == "success"
    assert record.report is None
    assert service.workers == {}
    last_line = text.replace("{id}", record.request_id).splitlines()[-1].split("\t")[-1]
    assert sum(last_line in line for line in record.log) == 2
    display.close()
    assert output.getvalue().count("after it") == 2
    assert output.getvalue().count(last_line) == 2


async def test_terminal_shows_control_characters_and_does_not_obey_them(
    service: LambdaService, client: Any
) -> None:
    output = io.StringIO()
    display = Display(Console(file=output, force_terminal=True, width=200))
    service.on_line, service.on_record = display.log_line, display.finished
    service.add(function("say"))
    hostile = "title \x1b]0;mine\x07 clear \x1b[2J back \r line \x9b2J turn \u202e end"
    await call(client, "say", {"print": [hostile]})
    display.close()
    shown = output.getvalue()
    assert r"title \x1b]0;mine\x07 clear \x1b[2J back \r line \x9b2J turn \u202e end" in shown
    assert not {"\x07", "\x9b", "\u202e", "\r"} & set(shown)
    assert "\x1b]" not in shown
    assert "\x1b[2J" not in shown


async def test_long_line_is_cut(service: LambdaService, client: Any) -> None:
    service.add(function("say"))
    size = 20 * LINE_LIMIT
    await call(client, "say", {"long": size})
    await call(client, "say", {"log": ["x" * size, "the next"]})
    unfinished, logged = (record.log[1:-2] for record in service.records)
    assert [len(line) for line in unfinished] == [LINE_LIMIT]
    assert len(logged[0]) == LINE_LIMIT
    assert logged[1].rstrip().endswith("the next")


async def test_function_that_writes_into_the_runtimes_log_keeps_its_lines(
    service: LambdaService, client: Any
) -> None:
    service.add(function("say"))
    await call(client, "say", {"descriptor": "no frame at all\n" * 3})
    await call(client, "say", {"log": ["a later line"]})
    first, second = service.records
    assert first.log[1:-2] == ["no frame at all"] * 3
    assert any(line.rstrip().endswith("a later line") for line in second.log)


async def test_callback_that_fails_harms_no_invocation(
    service: LambdaService, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object) -> None:
        raise KeyError("a user's bug")

    service.on_line = service.on_record = fail
    service.add(function("say"))
    for _ in range(2):
        assert (await call(client, "say", {"print": ["a", "b"]}))["body"] == "said"
    assert [record.status for record in service.records] == ["success", "success"]
    assert len([entry for entry in caplog.records if "a user's bug" in str(entry.exc_text)]) == 1
