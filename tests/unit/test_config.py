"""What the configure callback sees, and what is made of it."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import (
    PollerBehaviorSimpleMaximum,
    WorkerDeploymentConfig,
    WorkerTuner,
)

from temporal_lambda import LambdaWorkerConfig, SettingsError, TaskQueueError
from tests.support.configurations import VERSION, completed, factory, set_graceful


def test_bare_instance_holds_no_lambda_defaults() -> None:
    config = LambdaWorkerConfig()
    assert config.client_connect_config == {}
    assert config.worker_config == {}
    assert config.shutdown_hooks == []
    assert config.shutdown_deadline_buffer == timedelta(seconds=7)


def test_fields_stand_in_the_order_of_the_contrib_module() -> None:
    names = [field.name for field in dataclasses.fields(LambdaWorkerConfig)]
    assert names == [
        "client_connect_config",
        "worker_config",
        "shutdown_deadline_buffer",
        "shutdown_hooks",
        "idle_timeout",
        "reuse_connection",
        "recycle_environment",
        "cloudwatch_metrics",
        "cloudwatch_namespace",
        "cloudwatch_dimensions",
        "poll_cancellation_fans_out",
        "activity_needs",
        "more_workers",
        "credentials",
        "redact",
        "invocation",
    ]


def test_callback_sees_the_lambda_defaults() -> None:
    config = factory().new()
    assert config.worker_config == {
        "max_concurrent_activities": 2,
        "max_concurrent_workflow_tasks": 10,
        "max_concurrent_local_activities": 2,
        "max_concurrent_nexus_tasks": 5,
        "workflow_task_poller_behavior": PollerBehaviorSimpleMaximum(2),
        "activity_task_poller_behavior": PollerBehaviorSimpleMaximum(1),
        "nexus_task_poller_behavior": PollerBehaviorSimpleMaximum(1),
        "graceful_shutdown_timeout": timedelta(seconds=5),
        "sticky_queue_schedule_to_start_timeout": timedelta(seconds=2),
        "max_cached_workflows": 30,
        "disable_eager_activity_execution": True,
        "deployment_config": WorkerDeploymentConfig(version=VERSION, use_worker_versioning=True),
    }
    assert config.idle_timeout is None
    assert config.reuse_connection is True


def test_defaults_equal_those_of_the_contrib_module() -> None:
    from temporalio.contrib.aws import lambda_worker

    theirs = {field.name for field in dataclasses.fields(lambda_worker.LambdaWorkerConfig)}
    assert theirs <= {field.name for field in dataclasses.fields(LambdaWorkerConfig)}
    bare = lambda_worker.LambdaWorkerConfig()
    assert bare.shutdown_deadline_buffer == LambdaWorkerConfig().shutdown_deadline_buffer


def test_settings_reach_the_callback() -> None:
    config = factory(
        {"target_host": "h:1"},
        task_queue="q",
        idle_timeout=timedelta(seconds=2),
        reuse_connection=False,
        max_concurrent_activities=7,
        activity_task_pollers=3,
        max_cached_workflows=0,
    ).new()
    assert config.client_connect_config == {"target_host": "h:1"}
    assert config.worker_config["task_queue"] == "q"
    assert config.worker_config["max_concurrent_activities"] == 7
    assert config.worker_config["activity_task_poller_behavior"] == PollerBehaviorSimpleMaximum(3)
    assert config.worker_config["max_cached_workflows"] == 0
    assert config.idle_timeout == timedelta(seconds=2)
    assert config.reuse_connection is False


def test_two_configurations_share_nothing_mutable() -> None:
    made = factory({"rpc_metadata": {"a": "1"}})
    first, second = made.new(), made.new()
    metadata: Any = first.client_connect_config["rpc_metadata"]
    metadata["b"] = "2"
    deployment = first.worker_config["deployment_config"]
    assert deployment is not None
    deployment.use_worker_versioning = False
    first.shutdown_hooks.append(lambda: None)
    del first.worker_config["max_cached_workflows"]
    assert second == made.new()
    assert second.client_connect_config == {"rpc_metadata": {"a": "1"}}


def test_user_values_win_except_versioning_and_eager_activities() -> None:
    def change(config: LambdaWorkerConfig) -> None:
        config.worker_config["max_concurrent_activities"] = 50
        config.worker_config["disable_eager_activity_execution"] = False
        config.worker_config["deployment_config"] = WorkerDeploymentConfig(
            version=WorkerDeploymentVersion("other", "v9"),
            use_worker_versioning=False,
            default_versioning_behavior=VersioningBehavior.PINNED,
        )

    worker = completed(change).worker_config
    assert worker["max_concurrent_activities"] == 50
    assert worker["disable_eager_activity_execution"] is True
    assert worker["deployment_config"] == WorkerDeploymentConfig(
        version=VERSION,
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.PINNED,
    )


@pytest.mark.parametrize("missing", [None, "", " "])
def test_missing_task_queue_names_both_ways_to_set_it(missing: Any) -> None:
    def change(config: LambdaWorkerConfig) -> None:
        config.worker_config["task_queue"] = missing

    with pytest.raises(TaskQueueError, match="TEMPORAL_TASK_QUEUE") as error:
        completed(change)
    assert 'worker_config["task_queue"]' in str(error.value)
    assert isinstance(error.value, ValueError)


def test_buffer_follows_the_graceful_timeout_of_the_callback() -> None:
    assert completed(set_graceful(20)).shutdown_deadline_buffer == timedelta(seconds=22)
    assert completed(set_graceful(0)).shutdown_deadline_buffer == timedelta(seconds=2)


def test_buffer_follows_the_graceful_timeout_of_the_settings() -> None:
    config = completed(graceful_shutdown_timeout=timedelta(seconds=9))
    assert config.shutdown_deadline_buffer == timedelta(seconds=11)


def test_buffer_set_by_hand_does_not_follow() -> None:
    def change(config: LambdaWorkerConfig) -> None:
        set_graceful(3)(config)
        config.shutdown_deadline_buffer = timedelta(seconds=7)

    assert completed(change).shutdown_deadline_buffer == timedelta(seconds=7)
    config = completed(set_graceful(3), shutdown_deadline_buffer=timedelta(seconds=8))
    assert config.shutdown_deadline_buffer == timedelta(seconds=8)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("shutdown_deadline_buffer", timedelta(seconds=-1)),
        ("shutdown_deadline_buffer", 7),
    ],
)
def test_negative_time_or_one_of_another_type_is_named(name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=f"{name} must be a timedelta of 0 or more"):
        completed(lambda config: setattr(config, name, value))


@pytest.mark.parametrize("value", [timedelta(0), timedelta(seconds=-1), 0, 3, "soon"])
def test_idle_timeout_that_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(SettingsError, match='must be None or "auto" or a timedelta above 0'):
        completed(lambda config: setattr(config, "idle_timeout", value))


async def generator_hook() -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize(
    ("hooks", "message"),
    [
        (lambda: None, "must be a list of callables; got a function"),
        ([42], "shutdown hook int must be a function"),
        ([generator_hook], "shutdown hook generator_hook must be a function"),
    ],
)
def test_hooks_that_cant_be_run_are_refused(hooks: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        completed(lambda config: setattr(config, "shutdown_hooks", hooks))


def test_task_queue_that_is_no_name_is_refused() -> None:
    def change(config: Any) -> None:
        config.worker_config["task_queue"] = 5

    with pytest.raises(SettingsError, match="must be a name; got 5"):
        completed(change)


def test_no_credential_shows_when_a_configuration_is_printed() -> None:
    config = completed(connect={"api_key": "top-secret"})
    assert config.client_connect_config["api_key"] == "top-secret"
    assert "top-secret" not in repr(config)


def test_tuner_replaces_the_limits() -> None:
    tuner = WorkerTuner.create_fixed(workflow_slots=3)

    def change(config: LambdaWorkerConfig) -> None:
        config.worker_config["tuner"] = tuner

    worker = completed(change).worker_config
    assert worker["tuner"] is tuner
    assert not any(name.startswith("max_concurrent_") for name in worker)


def test_idle_timeout_may_be_left_to_us() -> None:
    assert completed(idle_timeout="auto").idle_timeout == "auto"


def test_idle_timeout_with_a_tuner_says_what_to_do() -> None:
    def change(config: LambdaWorkerConfig) -> None:
        config.worker_config["tuner"] = WorkerTuner.create_fixed()
        config.idle_timeout = timedelta(seconds=1)

    with pytest.raises(SettingsError, match=r"can't be observed: use max_concurrent_\* limits"):
        completed(change)
