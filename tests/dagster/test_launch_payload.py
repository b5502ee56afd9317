"""What a function receives of a run, and what can't be sent."""

from __future__ import annotations

from typing import Any

import pytest
from dagster import AssetKey

from temporal_lambda import __version__
from temporal_lambda.dagster.dagster_internals import DagsterLaunchFailedError
from temporal_lambda.dagster.launching.tags import REQUEST_ID, WAITER
from tests.dagster import jobs
from tests.dagster.dagster_fixtures import Dagster, Lambda, sync

pytestmark = pytest.mark.server

CONFIG = {"ops": {"op_a": {"config": {"x": 1}}, "op_b": {"config": {"deep": {"y": [1, "ü"]}}}}}


def test_full_payload_tells_the_run_and_its_config(dagster: Dagster) -> None:
    run_id = dagster.launch(sync("echo"), CONFIG, job=jobs.tagged, default_deployment_name="prod")
    dagster.succeeded(run_id)
    payload = dagster.result(run_id)
    metadata = payload.pop("metadata")
    assert payload == {
        "dagster_run": {
            "run_id": run_id,
            "job_name": "tagged",
            "deployment_name": "prod",
            "location_name": None,
            "tags": {
                "lambda/function_name": "echo",
                "lambda/invocation_type": "RequestResponse",
            },
            "partition_key": None,
            "partition_key_range": None,
            "op_selection": None,
            "asset_selection": None,
            "asset_check_selection": None,
            "step_selection": None,
            "parent_run_id": None,
            "root_run_id": None,
        },
        "run_config": CONFIG,
        "environment_variables": {},
        "dagster_cloud": {"org_id": None, "deployment_id": None},
        "job_graph": {"op_a": [], "op_b": ["op_a"]},
    }
    assert metadata["launcher_version"] == __version__
    assert metadata["invocation_type"] == "RequestResponse"
    assert metadata["launched_at"].endswith("+00:00")


@pytest.mark.parametrize(
    ("tags", "payload"),
    [
        ({"payload_mode": "config_only"}, CONFIG),
        ({"payload_mode": "ops_only"}, CONFIG["ops"]),
        (
            {"payload_mode": "custom", "payload_config_path": "ops.op_b.config.deep.y"},
            [1, "ü"],
        ),
    ],
)
def test_other_modes_send_that_part_of_the_config_and_nothing_else(
    tags: dict[str, str], payload: object, dagster: Dagster
) -> None:
    run_id = dagster.launch(sync("echo", **tags), CONFIG)
    dagster.succeeded(run_id)
    assert dagster.result(run_id) == payload


def test_jobs_own_config_is_sent_where_the_run_has_none(dagster: Dagster) -> None:
    default = {"ops": {"op_a": {"config": {"from": "the job"}}}}
    run_id = dagster.launch(sync("echo", payload_mode="config_only"), job=jobs.configured)
    dagster.succeeded(run_id)
    assert dagster.result(run_id) == default
    run_id = dagster.launch(sync("echo", payload_mode="config_only"), CONFIG, jobs.configured)
    dagster.succeeded(run_id)
    assert dagster.result(run_id) == CONFIG


def payload_of(dagster: Dagster, run_id: str) -> Any:
    """What the function received: it returns its event."""
    dagster.succeeded(run_id)
    return dagster.result(run_id)


def test_job_graph_has_the_ops_without_config_and_can_be_left_out(dagster: Dagster) -> None:
    config: dict[str, Any] = {"ops": {"load": {"config": {}}}}
    payload = payload_of(dagster, dagster.launch(sync("echo"), config, jobs.in_order))
    graph = {"extract": [], "transform": ["extract"], "load": ["transform"]}
    assert payload["job_graph"] == graph
    run_id = dagster.launch(sync("echo"), config, jobs.in_order, job_graph=False)
    five = {"dagster_run", "run_config", "environment_variables", "dagster_cloud", "metadata"}
    assert set(payload_of(dagster, run_id)) == five


def test_payload_tells_the_partition_and_the_tags_but_no_bookkeeping(dagster: Dagster) -> None:
    tags = {**sync("echo"), "dagster/partition": "monday", "team": "shop", ".dagster/x": "hidden"}
    inherited = {WAITER: "a parent's", REQUEST_ID: "a parent's"}
    run_id = dagster.launch({**tags, **inherited}, job=jobs.shop)
    told = payload_of(dagster, run_id)["dagster_run"]
    assert told["partition_key"] == "monday"
    assert told["tags"] == {name: tags[name] for name in tags if name != ".dagster/x"}


def test_payload_tells_a_range_of_partitions(dagster: Dagster) -> None:
    name = "dagster/asset_partition_range_"
    tags = {**sync("echo"), f"{name}start": "monday", f"{name}end": "tuesday"}
    told = payload_of(dagster, dagster.launch(tags, job=jobs.shop))["dagster_run"]
    assert told["partition_key_range"] == {"start": "monday", "end": "tuesday"}


def test_payload_tells_the_runs_that_this_one_executes_again(dagster: Dagster) -> None:
    first = dagster.create(sync("echo")).run_id
    line = {"parent_run_id": first, "root_run_id": first}
    told = payload_of(dagster, dagster.launch(sync("echo"), run=line))["dagster_run"]
    assert (told["parent_run_id"], told["root_run_id"]) == (first, first)


def test_selection_is_carried_by_full_payloads_and_refused_in_others(
    dagster: Dagster, aws: Lambda
) -> None:
    config: dict[str, Any] = {"ops": {"extract": {"config": {}}}}
    some = {"op_selection": ["*transform"]}
    job = jobs.in_order
    run_id = dagster.launch(sync("echo"), config, job, run=some)
    payload = payload_of(dagster, run_id)
    assert payload["job_graph"] == {"extract": [], "transform": ["extract"]}
    assert payload["dagster_run"]["op_selection"] == ["extract", "transform"]
    modes = {"config_only": {}, "ops_only": {}, "custom": {"payload_config_path": "ops"}}
    for mode, more in modes.items():
        tags = sync("echo", payload_mode=mode, **more)
        with pytest.raises(
            DagsterLaunchFailedError, match="only a part of job in_order was selected"
        ):
            dagster.launch(tags, config, job, run=some)
        dagster.succeeded(dagster.launch(tags, config, job, run={"op_selection": ["*load"]}))


def test_selection_of_assets_is_carried_too(dagster: Dagster) -> None:
    chosen = {AssetKey(["shop", "orders"])}
    job = jobs.shop.get_subset(asset_selection=chosen)
    run_id = dagster.launch(sync("echo"), job=job, run={"asset_selection": chosen})
    payload = payload_of(dagster, run_id)
    assert payload["dagster_run"]["asset_selection"] == ["shop/orders"]
    assert payload["job_graph"] == {"shop__orders": []}
    with pytest.raises(DagsterLaunchFailedError, match="only a part of job shop_assets"):
        dagster.launch(sync("echo", payload_mode="config_only"), job=job)


def test_selection_inside_of_a_graph_is_noticed(dagster: Dagster) -> None:
    job = jobs.nested.get_subset(op_selection=["preparing.extract"])
    assert payload_of(dagster, dagster.launch(sync("echo"), job=job))["job_graph"] == {
        "preparing.extract": []
    }
    with pytest.raises(DagsterLaunchFailedError, match="only a part of job nested"):
        dagster.launch(sync("echo", payload_mode="config_only"), job=job)


def test_dynamic_outputs_are_refused_where_their_graph_would_be_sent(dagster: Dagster) -> None:
    with pytest.raises(DagsterLaunchFailedError, match=r"how often double\[\?\] runs"):
        dagster.launch(sync("echo"), job=jobs.dynamic)
    dagster.succeeded(dagster.launch(sync("echo"), job=jobs.dynamic, job_graph=False))


def test_of_the_environment_only_what_is_allowed_leaves_the_process(
    dagster: Dagster, aws: Lambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_CLOUD_API_TOKEN", "agent:test:s3cret")
    monkeypatch.setenv("STAGE", "test")
    run_id = dagster.launch(sync("echo"), environment_variables=["STAGE", "NOT_SET"])
    run = dagster.succeeded(run_id)
    assert dagster.result(run_id)["environment_variables"] == {"STAGE": "test"}
    (record,) = aws.records("echo", run_id)
    assert "s3cret" not in dagster.log(run_id) + str(run.tags) + "".join(record.log)


def test_unresolved_values_stay_unresolved(
    dagster: Dagster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "s3cret")
    config = {"ops": {"op_a": {"config": {"key": {"env": "SECRET"}}}}}
    run_id = dagster.launch(sync("echo", payload_mode="config_only"), config)
    dagster.succeeded(run_id)
    assert dagster.result(run_id) == config
