"""The events of one step, and when they were."""

from __future__ import annotations

from temporal_lambda.dagster.launching.step_events import StepEvents


def times(**step: object) -> list[tuple[str, float | None]]:
    events = StepEvents("etl", "load", ["result"], {"op": "load", "status": "success", **step})
    return [(told.kind, told.at) for told in events.all()]


def test_event_whose_time_is_not_known_has_that_of_the_next() -> None:
    assert times(attempt=2, start=20.0, end=30.0, earlier=[{"attempt": 1, "start": 10.0}]) == [
        ("STEP_START", 10.0),
        ("STEP_UP_FOR_RETRY", 20.0),
        ("STEP_RESTARTED", 20.0),
        ("STEP_OUTPUT", 30.0),
        ("STEP_SUCCESS", 30.0),
    ]


def test_no_event_is_before_the_one_before_it() -> None:
    assert times(attempt=1, start=20.0, end=10.0)[-1] == ("STEP_SUCCESS", 20.0)


def test_times_that_are_none_are_now() -> None:
    for wrong in (None, "soon", float("nan"), 1e300, -1, True):
        assert all(at and at > 1e9 for _, at in times(attempt=1, start=wrong, end=wrong))
