"""What tests are made of fails with words, not with silence."""

from __future__ import annotations

import re

import pytest

from tests.support import collector
from tests.support.walkthrough import pattern, steps


@pytest.mark.skipif(collector.why_missing() is not None, reason=str(collector.why_missing()))
async def test_collector_that_ends_says_why() -> None:
    with pytest.raises(collector.CollectorError, match=r"ended with 2: .*invalid value 'nowhere'"):
        async with collector.collecting("--exporter", "nowhere"):
            pass


async def test_where_there_is_no_collector_the_error_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collector, "why_missing", lambda: "no wheel")
    with pytest.raises(collector.CollectorError, match="there is no collector here: no wheel"):
        async with collector.collecting():
            pass


PRINTED = """\
starting
Temporal    127.0.0.1:4001
start one at 127.0.0.1:4001
invocation 3 took 12.5 ms
done
"""


@pytest.mark.parametrize(
    ("page", "fits"),
    [
        (PRINTED, True),
        (PRINTED.replace("4001", "5002").replace("12.5 ms", "7 s"), True),
        (PRINTED.replace("    ", "  ").replace("invocation 3", "invocation 17"), True),
        ("…\ninvocation 1 took … ms\ndone\n", True),
        ("starting\n…\n", True),
        ("starting\ndone\n", False),
        (PRINTED.replace("done", "failed"), False),
        (PRINTED.replace("one at 127.0.0.1:4001", "one at 127.0.0.1:4002"), True),
        (PRINTED.replace("Temporal    127.0.0.1:4001", "Temporal    127.0.0.1"), False),
    ],
)
def test_page_may_differ_from_what_is_printed_in_ports_ids_and_times_alone(
    page: str, fits: bool
) -> None:
    assert bool(re.fullmatch(pattern(page), PRINTED)) is fits


def test_port_that_a_page_repeats_is_one_port() -> None:
    page = "a 127.0.0.1:1\nb 127.0.0.1:1\n"
    assert re.fullmatch(pattern(page), page.replace(":1", ":2"))
    assert not re.fullmatch(pattern(page), "a 127.0.0.1:2\nb 127.0.0.1:3\n")


def test_steps_of_a_page_are_its_blocks_and_its_comments() -> None:
    page = "# A\n\n<!-- write: a.py -->\n```python\n1\n```\n\n```sh\nls\n```\n\n<!-- Ctrl-C -->\n"
    assert [(step.note, step.language, step.text) for step in steps(page)] == [
        ("write: a.py", "python", "1\n"),
        ("", "sh", "ls\n"),
        ("Ctrl-C", "", ""),
    ]
