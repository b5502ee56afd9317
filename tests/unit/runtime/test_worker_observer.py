"""What the last worker plugin makes of a configuration."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest
from temporalio.worker import PollerBehaviorSimpleMaximum, WorkerConfig, WorkerTuner

from temporal_lambda.errors import SettingsError
from temporal_lambda.runtime.worker_observer import WorkerObserver
from temporal_lambda.tracking.activities import ActivitiesInFlight
from temporal_lambda.tracking.slots import SlotCounter


def observe(*, needs_slots: bool = False, **config: Any) -> tuple[WorkerObserver, dict[str, Any]]:
    observer = WorkerObserver(
        SlotCounter(lambda: 0.0),
        [ActivitiesInFlight()],
        graceful_timeout=3.0,
        needs_slots=needs_slots,
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
    assert len(made["interceptors"]) == 2
    assert made["interceptors"][-1] is users
