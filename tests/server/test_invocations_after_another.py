"""What one invocation leaves to the next one of its environment, and what it does not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.lambdas import Invoke, MakeFunction, events

SCENARIO = "lifecycle.lambda_handler"


async def test_metadata_changed_in_place_is_given_to_the_connection_that_is_there(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    function = make_function(SCENARIO, env={"SCENARIO": "metadata"})
    await invoke(function)
    record = await invoke(function)
    assert record.status == "success"
    assert record.report
    assert record.report["connection"] == "reused"


async def test_nothing_is_shared_between_two_invocations(
    make_function: MakeFunction, invoke: Invoke, tmp_path_factory: pytest.TempPathFactory
) -> None:
    profile = tmp_path_factory.mktemp("profile") / "temporal.toml"
    profile.write_text('[profile.default.grpc_meta]\nteam = "tests"\n')
    function = make_function(
        SCENARIO, env={"SCENARIO": "sharing", "TEMPORAL_CONFIG_FILE": str(profile)}
    )
    first, second = await invoke(function), await invoke(function)
    assert (first.cold, second.cold) == (True, False)
    assert first.pid == second.pid
    assert first.status == second.status == "success", first.log
    assert events(first) == events(second)
    assert "metadata team: tests version 1" in events(first)


async def test_connection_is_reused_by_the_next_invocation_of_the_environment(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    function = make_function(SCENARIO)
    first, second = await invoke(function), await invoke(function)
    assert first.report
    assert second.report
    assert (first.report["connection"], second.report["connection"]) == ("new", "reused")
    assert (first.report["cold"], second.report["cold"]) == (True, False)


async def test_connection_is_made_anew_where_reuse_is_switched_off(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    function = make_function(SCENARIO, env={"TEMPORAL_LAMBDA_REUSE_CONNECTION": "false"})
    for _ in range(2):
        record = await invoke(function)
        assert record.report
        assert record.report["connection"] == "new"


async def test_environment_stands_still_between_invocations(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    function = make_function(SCENARIO, env={"SCENARIO": "ticking"})
    first = await invoke(function)
    # A whole cold start of another function passes meanwhile.
    await invoke(make_function(SCENARIO))
    second = await invoke(function)
    assert first.pid == second.pid
    ended = first.started_at + timedelta(milliseconds=first.duration_ms)
    pause_ms = (second.started_at - ended) / timedelta(milliseconds=1)
    at_end = int(events(first)[-3].removeprefix("ticks "))
    at_start = int(next(e for e in events(second) if e.startswith("ticks")).removeprefix("ticks "))
    ticks_per_ms = at_end / first.duration_ms
    assert at_end > 100
    # A few come between the hook and the freeze; going on would make as many as the pause is long.
    assert at_start - at_end < 0.3 * ticks_per_ms * pause_ms
