"""What the last worker plugin makes of a configuration."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import (
    PollerBehaviorSimpleMaximum,
    WorkerConfig,
    WorkerDeploymentConfig,
    WorkerTuner,
)

from temporal_lambda.errors import SettingsError
from temporal_lambda.runtime.worker_observer import WorkerObserver
from temporal_lambda.tracking.activities import ActivitiesInFlight
from temporal_lambda.tracking.returns import KnownReturns
from temporal_lambda.tracking.slots import SlotCounter

VERSIONING = WorkerDeploymentConfig(WorkerDeploymentVersion("service", "v1"), True)


def observe(*, needs_slots: bool = False, **config: Any) -> tuple[WorkerObserver, dict[str, Any]]:
    observer = WorkerObserver(
        SlotCounter(lambda: 0.0),
        KnownReturns(lambda: 0.0),
        [ActivitiesInFlight()],
        graceful_timeout=3.0,
        needs_slots=needs_slots,
        versioning=VERSIONING,
    )
    made = observer.configure_worker(cast(WorkerConfig, config))
    return observer, cast(dict[str, Any], made)


def test_limits_become_a_tuner_that_counts() -> None:
    observer, made = observe(max_concurrent_activities=2, max_concurrent_workflow_tasks=None)
    assert observer.counts
    assert isinstance(made["tuner"], WorkerTuner)
    assert not any(name.startswith("max_concurrent_") for name in made)


@pytest.mark.parametrize("limit", [0, -1, "3", 2.5])
def test_limit_that_is_no_number_of_slots_is_named(limit: Any) -> None:
    with pytest.raises(SettingsError, match=r'worker_config\["max_concurrent_activities"\] must'):
        observe(max_concurrent_activities=limit)


def test_users_tuner_stays_and_nothing_is_counted() -> None:
    tuner = WorkerTuner.create_fixed()
    observer, made = observe(tuner=tuner)
    assert made["tuner"] is tuner
    assert not observer.counts


def test_tuner_where_slots_are_needed_is_refused_before_there_is_a_worker() -> None:
    with pytest.raises(SettingsError, match="can't be observed"):
        observe(needs_slots=True, tuner=WorkerTuner.create_fixed())


@pytest.mark.parametrize(("asked", "granted"), [(1, 1), (5, 3)])
def test_graceful_timeout_is_what_there_is_time_for(asked: int, granted: int) -> None:
    _, made = observe(graceful_shutdown_timeout=timedelta(seconds=asked))
    assert made["graceful_shutdown_timeout"] == timedelta(seconds=granted)


def test_its_interceptors_come_first() -> None:
    users = ActivitiesInFlight()
    _, made = observe(
        interceptors=[users], activity_task_poller_behavior=PollerBehaviorSimpleMaximum(3)
    )
    assert len(made["interceptors"]) == 3
    assert made["interceptors"][-1] is users


@pytest.mark.parametrize(
    "config",
    [
        {"deployment_config": None},
        {"build_id": "v9", "use_worker_versioning": True},
        {
            "deployment_config": WorkerDeploymentConfig(
                WorkerDeploymentVersion("other", "v9"), False
            ),
            "disable_eager_activity_execution": False,
        },
    ],
)
def test_versioning_stays_on_and_eager_activities_off_whatever_plugins_do(
    config: dict[str, Any],
) -> None:
    _, made = observe(**config)
    assert made["deployment_config"] == VERSIONING
    assert made["disable_eager_activity_execution"] is True
    # The SDK refuses these beside a deployment_config.
    assert not {"build_id", "use_worker_versioning"} & made.keys()


def test_default_versioning_behavior_is_the_plugins_to_choose() -> None:
    _, made = observe(
        deployment_config=replace(VERSIONING, default_versioning_behavior=VersioningBehavior.PINNED)
    )
    assert made["deployment_config"].default_versioning_behavior == VersioningBehavior.PINNED


def workflow_slots(caplog: pytest.LogCaptureFixture, **config: Any) -> tuple[int, bool]:
    """How many slots workflow tasks get for a limit of one, and whether there is a warning."""
    with caplog.at_level("WARNING"):
        _, made = observe(max_concurrent_workflow_tasks=1, **config)
    supplier: Any = made["tuner"]._get_workflow_task_slot_supplier()
    return supplier._free, "leaves no slot to continue" in caplog.text


def test_one_workflow_slot_becomes_two_where_workflows_are_cached(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert workflow_slots(caplog, workflows=[int]) == (2, True)


def test_one_workflow_slot_is_no_concern_of_a_worker_without_workflows(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert workflow_slots(caplog) == (2, False)


def test_one_workflow_slot_is_enough_without_a_cache(caplog: pytest.LogCaptureFixture) -> None:
    assert workflow_slots(caplog, workflows=[int], max_cached_workflows=0) == (1, False)


@pytest.mark.parametrize(
    ("config", "polls"),
    [
        ({"activity_task_poller_behavior": PollerBehaviorSimpleMaximum(3)}, 3),
        (
            {
                "activity_task_poller_behavior": PollerBehaviorSimpleMaximum(3),
                "max_concurrent_activity_task_polls": 1,
            },
            1,
        ),
    ],
)
def test_number_of_polls_is_that_of_the_older_option_where_it_is_set(
    config: dict[str, Any], polls: int
) -> None:
    _, made = observe(**config)
    assert made["tuner"]._get_activity_task_slot_supplier()._pollers == polls
