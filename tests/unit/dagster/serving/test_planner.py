"""Requests -> runs that can be carried out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

import pydantic
import pytest
from temporalio import activity
from temporalio.common import RetryPolicy

from temporal_lambda import SettingsError
from temporal_lambda.dagster import JobOptions, OpOptions, Run
from temporal_lambda.dagster.serving.ops import Ops, validate
from temporal_lambda.dagster.serving.plan import ANY_ERROR, MOST_ATTEMPTS, OP_CALL, Retries
from temporal_lambda.dagster.serving.planner import Planner
from temporal_lambda.dagster.serving.request import parse_event
from temporal_lambda.errors import PayloadError

FULL: dict[str, Any] = {
    "dagster_run": {"run_id": "8f1c", "job_name": "etl"},
    "run_config": {"ops": {}},
}


@dataclass
class Table:
    name: str
    mode: Literal["append", "replace"] = "append"


@activity.defn
async def extract(config: Table) -> None: ...


@activity.defn(name="load")
async def load_table(config: dict[str, Any], upstream: dict[str, Any]) -> None: ...


@activity.defn
async def tell() -> None: ...


@activity.defn
async def three(a: int, b: int, c: int) -> None: ...


OPS = Ops([extract, load_table, tell, three])


def plan(event: Any, job: JobOptions | None = None, **options: OpOptions) -> Run:
    planner = Planner(OPS, job or JobOptions(), options, ["KEY"], timedelta(seconds=20))
    return planner.plan(parse_event(event), "etl", None)


def ops(**configs: Any) -> dict[str, Any]:
    return {"ops": {name: {"config": config} for name, config in configs.items()}}


@pytest.mark.parametrize("full", [True, False], ids=["full", "config_only"])
def test_several_ops_without_an_order_are_refused_since_the_payloads_order_is_the_alphabet(
    full: bool,
) -> None:
    config = ops(extract={"name": "t"}, load={}, tell={})
    event = {**FULL, "run_config": config} if full else config
    with pytest.raises(PayloadError, match=r"nothing says in which order they run.*job_graph"):
        plan(event)


def test_one_op_needs_no_order() -> None:
    assert [op.name for op in plan(ops(tell={})).ops] == ["tell"]


def test_op_without_a_config_is_in_the_graph_and_runs() -> None:
    graph = {"load": ["tell"], "tell": []}
    run = plan({**FULL, "run_config": ops(load={"x": 1}), "job_graph": graph})
    assert [(op.name, op.upstream) for op in run.ops] == [("tell", []), ("load", ["tell"])]


def test_dynamic_outputs_are_refused() -> None:
    graph = {"tell": [], "load[?]": ["tell"]}
    with pytest.raises(PayloadError, match=r"'load\[\?\]' comes after dynamic outputs"):
        plan({**FULL, "job_graph": graph})


def test_only_selected_ops_run_and_the_others_outputs_are_given() -> None:
    run = {**FULL["dagster_run"], "step_selection": ["load"], "parent_run_id": "7a"}
    graph = {"load": ["tell"], "tell": []}
    planned = plan({**FULL, "dagster_run": run, "job_graph": graph, "outputs": {"tell": 1}})
    assert [op.name for op in planned.ops] == ["load"]
    assert (planned.outputs, planned.context.parent_run_id) == ({"tell": 1}, "7a")


def test_selected_op_that_is_not_in_the_job_is_refused() -> None:
    run = {**FULL["dagster_run"], "step_selection": ["loda"]}
    with pytest.raises(PayloadError, match="op 'loda' is selected, but is not among the job's"):
        plan({**FULL, "dagster_run": run, "job_graph": {"load": []}})


def test_payload_that_names_many_unordered_ops_is_refused_in_a_short_message() -> None:
    with pytest.raises(PayloadError) as caught:
        plan(ops(**{f"op{number}": {} for number in range(900)}))
    assert len(str(caught.value)) < 600


def test_order_of_the_job_beats_that_of_the_payload_and_adds_ops_without_config() -> None:
    order = JobOptions(order={"tell": ["load"], "load": ["extract"]})
    run = plan(ops(load={}, extract={"name": "t"}), order)
    assert [op.name for op in run.ops] == ["extract", "load", "tell"]


def test_job_graph_beats_the_order_of_the_job() -> None:
    event = {**FULL, "job_graph": {"load": [], "tell": ["load"]}}
    run = plan(event, JobOptions(order={"load": ["tell"]}))
    assert [op.name for op in run.ops] == ["load", "tell"]


def test_op_with_a_config_that_the_job_graph_does_not_know_is_refused() -> None:
    event = {**FULL, "run_config": ops(load={}), "job_graph": {"tell": []}}
    with pytest.raises(PayloadError, match="op 'load' has a config, but is not in the job_graph"):
        plan(event)


def test_op_takes_nothing_or_its_config_or_the_outputs_upstream_as_well() -> None:
    order = JobOptions(order={"tell": [], "extract": ["tell"], "load": ["tell", "extract"]})
    run = plan(ops(tell={}, extract={"name": "t"}, load={"x": 1}), order)
    outputs = {"tell": 1, "extract": 2}
    calls = [{OP_CALL: {"op": op.name}} for op in run.ops]
    assert [op.args(outputs) for op in run.ops] == [
        [calls[0]],
        [{"name": "t"}, calls[1]],
        [{"x": 1}, outputs, calls[2]],
    ]


def test_arguments_of_a_run_tell_the_op_about_the_run_and_no_environment_variable() -> None:
    event = {**FULL, "run_config": ops(tell={}), "environment_variables": {"TOKEN": "t-1"}}
    run = plan(event)
    (call,) = run.args(run.ops[0], {})
    assert call[OP_CALL]["run"]["job_name"] == "etl"
    assert "t-1" not in json.dumps(call)


def test_op_of_a_graph_is_the_activity_of_its_last_name() -> None:
    run = plan({"ops": {"graph": {"ops": {"tell": {"config": {}}}}}})
    assert [(op.name, op.activity) for op in run.ops] == [("graph.tell", "tell")]


def test_activity_with_three_arguments_is_no_op() -> None:
    with pytest.raises(SettingsError, match="activity three takes 3 arguments"):
        plan(ops(three={}))


def test_what_is_no_activity_is_told_so() -> None:
    with pytest.raises(SettingsError, match="has len, which is no activity"):
        Ops([len])


# Options


def test_options_of_an_op_in_its_job_come_before_those_of_the_op() -> None:
    general = OpOptions(
        start_to_close_timeout=timedelta(seconds=3), heartbeat_timeout=timedelta(seconds=2)
    )
    own = OpOptions(heartbeat_timeout=timedelta(seconds=1))
    (op,) = plan(ops(tell={}), JobOptions(ops={"tell": own}), tell=general).ops
    assert (op.start_to_close_timeout, op.heartbeat_timeout) == (3.0, 1.0)


def test_op_nobody_said_anything_about_has_the_functions_time_and_fails_with_its_first_error() -> (
    None
):
    (op,) = plan(ops(tell={})).ops
    assert op.start_to_close_timeout == 20.0
    assert op.retries.policy() == RetryPolicy(
        maximum_attempts=MOST_ATTEMPTS, non_retryable_error_types=[ANY_ERROR]
    )


def test_retry_policy_survives_the_way_into_the_workflow() -> None:
    policy = RetryPolicy(
        initial_interval=timedelta(seconds=2),
        backoff_coefficient=3.0,
        maximum_interval=timedelta(seconds=9),
        maximum_attempts=4,
        non_retryable_error_types=["ValueError"],
    )
    retries = Retries.of(policy)
    assert Retries(**json.loads(json.dumps(vars(retries)))).policy() == policy
    assert [retries.pause(attempt) for attempt in (1, 2, 3)] == [2.0, 6.0, 9.0]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: OpOptions(start_to_close_timeout=timedelta()), "must be a timedelta above 0"),
        (lambda: OpOptions(heartbeat_timeout=5), "must be a timedelta above 0"),  # type: ignore[arg-type] # wrong on purpose
        (lambda: OpOptions(retry_policy=3), "must be a temporalio RetryPolicy"),  # type: ignore[arg-type] # wrong on purpose
        (lambda: JobOptions(order={"a": ["b"], "b": ["a"]}), "ops wait for each other"),
        (lambda: JobOptions(order={"a": "b"}), "needs a list of ops; got the text 'b'"),
    ],
    ids=["zero", "number", "policy", "cycle", "text"],
)
def test_wrong_options_are_errors_where_they_are_made(wrong: Any, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        wrong()


# Configs


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, "name: is missing"),
        ({"name": "t", "moed": 1}, "moed: unknown"),
        ({"name": 1}, "name: is no str"),
        ({"name": "t", "mode": "sk-secret"}, "mode: is no "),
        (["sk-secret"], "must be an object; got a list"),
    ],
    ids=str,
)
def test_config_that_does_not_fit_its_dataclass_is_told_by_field_without_values(
    config: Any, said: str
) -> None:
    with pytest.raises(PayloadError) as caught:
        plan(ops(extract=config))
    assert "the config of op 'extract'" in str(caught.value)
    assert said in str(caught.value)
    assert "sk-secret" not in str(caught.value)


def test_config_that_does_not_fit_its_pydantic_model_is_told_by_field_without_values() -> None:
    class Model(pydantic.BaseModel):
        limit: int

    async def limited(config: Any) -> None: ...

    limited.__annotations__["config"] = Model
    ops = Ops([activity.defn(limited)])
    model = ops.find("limited").model
    validate(model, {"limit": 3}, "limited")
    with pytest.raises(PayloadError, match="limit: Input should be a valid integer") as caught:
        validate(model, {"limit": "sk-secret"}, "limited")
    assert "sk-secret" not in str(caught.value)
    # What would be shown with it, and says the value.
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
