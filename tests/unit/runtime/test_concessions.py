"""Configurations that can't be served quite as they stand, and are served."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.deadline import Deadline
from temporal_lambda.invocation_info import InvocationInfo
from tests.support.configurations import VERSION, completed, factory, set_graceful


def test_buffer_smaller_than_the_graceful_timeout_is_served_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def change(config: LambdaWorkerConfig) -> None:
        config.shutdown_deadline_buffer = timedelta(seconds=2)

    config = completed(change)
    assert config.shutdown_deadline_buffer == timedelta(seconds=2)
    assert (
        "activities have 0.75 s to finish instead of graceful_shutdown_timeout (5 s)" in caplog.text
    )
    assert "Set shutdown_deadline_buffer to 7 s" in caplog.text
    completed(change)
    assert len(caplog.records) == 1


@pytest.mark.parametrize("seconds", [0.0, 0.1, 0.9])
def test_buffer_too_small_for_any_shutdown_is_raised_with_a_warning(
    seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    config = completed(shutdown_deadline_buffer=timedelta(seconds=seconds))
    assert config.shutdown_deadline_buffer == timedelta(seconds=1)
    assert "is too small to stop a worker in: 1 s are used" in caplog.text


@pytest.mark.parametrize(
    ("function", "graceful", "buffer"), [(15, 20, 7.5), (9, 20, 7), (60, 100, 30), (60, 20, 22)]
)
def test_graceful_timeout_longer_than_the_function_allows_leaves_time_for_work(
    function: float, graceful: float, buffer: float
) -> None:
    made = factory()
    config = made.new(InvocationInfo(deadline=Deadline(function, lambda: 0.0)))
    config.worker_config["task_queue"] = "q"
    set_graceful(graceful)(config)
    made.complete(config)
    assert config.shutdown_deadline_buffer == timedelta(seconds=buffer)


@pytest.mark.parametrize("hooks", [(print,), {print}, iter([print])])
def test_hooks_may_come_in_any_order_of_things(hooks: Any) -> None:
    config = completed(lambda config: setattr(config, "shutdown_hooks", hooks))
    assert config.shutdown_hooks == [print]


@pytest.mark.parametrize(
    "change",
    [
        {"deployment_config": None, "build_id": "v9"},
        {"build_id": "v9", "use_worker_versioning": True},
    ],
)
def test_versioning_of_another_kind_gives_way_with_a_warning(
    change: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    worker = completed(lambda config: config.worker_config.update(**change)).worker_config
    assert "build_id" not in worker
    assert "use_worker_versioning" not in worker
    assert worker["deployment_config"]
    assert worker["deployment_config"].version == VERSION
    assert "worker versioning stays on, with the version given to run_worker" in caplog.text
