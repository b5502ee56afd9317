"""What is done around the body of an op: arguments, context, log lines, and what may go wrong."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from temporal_lambda.dagster import dagster_run
from temporal_lambda.dagster.serving.op_calls import OpCallInterceptor
from temporal_lambda.dagster.serving.op_failure import OF_THE_OP
from temporal_lambda.dagster.serving.plan import OpPlan, Run
from temporal_lambda.dagster.serving.run_context import RunContext
from temporal_lambda.errors import PayloadError


class Innermost(ActivityInboundInterceptor):
    def __init__(self) -> None:
        pass

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        return await input.fn(*input.args)


async def call(
    function: Callable[..., Any],
    *,
    config: Any = None,
    upstream: Mapping[str, Any] | None = None,
    context: RunContext | None = None,
    variables: Mapping[str, str] | None = None,
    report: bool = True,
    log_lines: int = 100,
) -> Any:
    """What an attempt at the op comes to."""
    op = OpPlan("op", "op", config, upstream=list(upstream or ()))
    run = Run("r1", "etl", [op], context or RunContext("r1", "etl"))
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, workflow_id="dagster-r1")
    known = {"dagster-r1": variables} if variables is not None else {}
    interceptor = OpCallInterceptor(["API_KEY"], known, log_lines)
    chain = interceptor.intercept_activity(Innermost())
    args = run.args(op, upstream or {}, report=report)
    return await environment.run(
        chain.execute_activity, ExecuteActivityInput(function, args, None, {})
    )


async def failure(function: Callable[..., Any], **options: Any) -> ApplicationError:
    with pytest.raises(ApplicationError) as caught:
        await call(function, **options)
    return caught.value


@dataclasses.dataclass
class Source:
    table: str
    key: str = ""


async def test_arguments_arrive_in_their_annotated_types_and_the_output_in_a_report() -> None:
    async def op(config: Source, upstream: dict[str, int]) -> int:
        assert isinstance(config, Source)
        return upstream["before"]

    report = await call(op, config={"table": "t"}, upstream={"before": 3})
    assert report["output"] == 3
    assert 0 <= report["end"] - report["start"] < 5


async def test_workflow_of_ones_own_gets_the_output_itself() -> None:
    async def op(config: Any, upstream: Any) -> int:
        return 3

    assert await call(op, report=False) == 3


async def test_activity_that_is_not_called_as_an_op_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("API_KEY", "sk-1")

    async def other(data: Any) -> Any:
        return data

    chain = OpCallInterceptor(["API_KEY"], {}).intercept_activity(Innermost())
    data = {"env": "API_KEY"}
    given = ExecuteActivityInput(other, [data], None, {})
    assert await ActivityEnvironment().run(chain.execute_activity, given) == data


async def test_reference_in_the_config_is_resolved_and_one_in_the_outputs_is_data(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("API_KEY", "sk-1")

    async def op(config: Any, upstream: Any) -> Any:
        return [config, upstream]

    reference = {"env": "API_KEY"}
    report = await call(op, config={"key": reference}, upstream={"before": reference})
    assert report["output"] == [{"key": "sk-1"}, {"before": reference}]


async def test_op_knows_its_run() -> None:
    async def op(config: Any, upstream: Any) -> list[Any]:
        run = dagster_run()
        return [run.run_id, run.job_name, run.op_name, run.tags, run.partition_key]

    context = RunContext("r1", "etl", tags={"team": "shop"}, partition_key="2026-01-09")
    report = await call(op, context=context)
    assert report["output"] == ["r1", "etl", "op", {"team": "shop"}, "2026-01-09"]


async def test_op_in_a_thread_knows_its_run_and_its_log_lines_are_kept() -> None:
    def in_thread() -> str:
        logging.getLogger("mine").warning("in %s", "a thread")
        return dagster_run().op_name

    async def op(config: Any, upstream: Any) -> str:
        return await asyncio.to_thread(in_thread)

    report = await call(op)
    assert report["output"] == "op"
    assert [line["message"] for line in report["logs"]] == ["in a thread"]


async def test_variables_of_the_payload_are_known_to_the_invocation_that_received_it() -> None:
    async def op(config: Any, upstream: Any) -> str:
        return dagster_run().environment_variables["STAGE"]

    assert (await call(op, variables={"STAGE": "prod"}))["output"] == "prod"
    elsewhere = await failure(op)
    assert (elsewhere.type, elsewhere.non_retryable) == ("VariablesElsewhere", False)


async def test_resources_are_resolved_where_they_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "sk-1")

    async def op(config: Any, upstream: Any) -> list[Any]:
        resources = dagster_run().resources
        with pytest.raises(PayloadError, match=r"resource 'other' refers to .* 'HOME'"):
            resources["other"]
        return [list(resources), resources["shop"] == {"key": "sk-1"}]

    context = RunContext(
        resource_configs={"shop": {"key": {"env": "API_KEY"}}, "other": {"env": "HOME"}}
    )
    assert (await call(op, context=context))["output"] == [["shop", "other"], True]


async def test_log_lines_have_a_bound_and_hide_the_secrets_that_the_op_was_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("API_KEY", "sk-very-secret")
    # pytest would capture the lone surrogate, and pytest-xdist can't send it.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])

    async def op(config: Any, upstream: Any) -> None:
        for number in range(5):
            activity.logger.warning("%s with %s and \udce9", number, config)

    report = await call(op, config={"key": {"env": "API_KEY"}}, log_lines=2)
    assert [line["level"] for line in report["logs"]] == ["WARNING"] * 2
    assert report["logs_left_out"] == 3
    assert report["logs"][0]["message"] == "0 with {'key': '***'} and ?"
    assert (await call(op, log_lines=0))["logs"] == []


async def test_what_another_op_logs_is_not_this_ones() -> None:
    async def op(config: Any, upstream: Any) -> None:
        await asyncio.sleep(0)
        activity.logger.warning(config)
        await asyncio.sleep(0)

    one, other = await asyncio.gather(call(op, config="one"), call(op, config="other"))
    assert len(one["logs"]) == len(other["logs"]) == 1
    assert one["logs"][0]["message"].startswith("one")


async def test_reports_are_kept_in_order_with_the_partition_of_the_run() -> None:
    async def op(config: Any, upstream: Any) -> None:
        run = dagster_run()
        run.report_materialization("shop/orders", metadata={"rows": 3})
        run.report_observation("shop/prices", partition="all")
        run.report_asset_check("shop/orders", "not_empty", passed=True)
        run.add_output_metadata({"rows": 3})

    report = await call(op, context=RunContext(partition_key="p1"))
    assert [(one["kind"], one.get("partition")) for one in report["events"]] == [
        ("materialization", "p1"),
        ("observation", "all"),
        ("asset_check", None),
    ]
    assert report["metadata"] == {"rows": 3}


async def test_metadata_that_is_no_json_fails_the_op_where_it_is_reported() -> None:
    async def op(config: Any, upstream: Any) -> None:
        dagster_run().add_output_metadata({"rows": float("nan")})

    assert (await failure(op)).type == "ValueError"


async def test_failed_attempt_tells_what_it_logged_and_when() -> None:
    async def op(config: Any, upstream: Any) -> None:
        activity.logger.warning("about to fail")
        raise ApplicationError("no", {"row": 7}, type="NoLuck")

    error = await failure(op)
    detail, report = error.details
    assert (error.type, error.message, detail) == ("NoLuck", "no", {"row": 7})
    assert report[OF_THE_OP]["logs"][0]["message"].startswith("about to fail")


async def test_secret_in_an_argument_that_does_not_fit_is_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("API_KEY", "sk-very-secret")

    async def op(config: dict[str, int], upstream: Any) -> None: ...

    error = await failure(op, config={"limit": {"env": "API_KEY"}})
    assert "the arguments of op op can't be converted" in error.message
    shown = [error.message, *map(json.dumps, error.details), repr(error.__cause__)]
    assert "sk-very-secret" not in " ".join(shown)


async def test_secret_in_the_text_of_an_error_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "sk-very-secret")

    async def op(config: Any, upstream: Any) -> None:
        raise ValueError(f"refused {config['key']}")

    assert (await failure(op, config={"key": {"env": "API_KEY"}})).message == "refused ***"


def test_dagster_run_outside_of_an_op_says_where_it_is_for() -> None:
    with pytest.raises(RuntimeError, match="call it in an activity that runs as one"):
        dagster_run()
