"""The order of events in one invocation, when all goes well and when it does not."""

from __future__ import annotations

import re

import pytest

from tests.support.lambdas import Invoke, MakeFunction, events

SCENARIO = "lifecycle.lambda_handler"
ALL_EVENTS = [
    "setup",
    "acquired",
    "connect",
    "work",
    "drained",
    "hook",
    "released",
    "teardown",
]


async def test_success_runs_all_phases_in_order(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    record = await invoke(make_function(SCENARIO))
    assert record.status == "success"
    assert events(record) == ALL_EVENTS
    assert record.report
    assert list(record.report["phases_ms"]) == [
        "configure",
        "connect",
        "work",
        "close",
        "drain",
        "hooks",
    ]


@pytest.mark.parametrize(
    ("scenario", "expected", "error"),
    [
        ("raises_before", ["setup", "hook"], "RuntimeError: setup broke"),
        ("raises_after", ["setup", "acquired", "released", "hook"], "RuntimeError: setup broke"),
        (
            "connect_refused",
            ["setup", "acquired", "connect", "hook", "released", "teardown"],
            "ConnectError: the Temporal server at 127.0.0.1:1, namespace default, can't be reached",
        ),
        (
            "worker_raises",
            ["setup", "acquired", "connect", "work", "hook", "released", "teardown"],
            "RuntimeError: the worker broke",
        ),
        (
            "no_task_queue",
            ["setup", "acquired", "hook", "released", "teardown"],
            'TaskQueueError: no task queue: set worker_config["task_queue"] in the configure '
            "callback or the TEMPORAL_TASK_QUEUE environment variable",
        ),
        (
            "teardown_raises",
            ALL_EVENTS,
            "RuntimeError: teardown broke",
        ),
    ],
)
async def test_failure_still_runs_what_has_to_be_closed_and_is_raised(
    scenario: str,
    expected: list[str],
    error: str,
    make_function: MakeFunction,
    invoke: Invoke,
) -> None:
    record = await invoke(make_function(SCENARIO, env={"SCENARIO": scenario}))
    assert record.status == "error"
    assert events(record) == expected
    assert record.error
    assert record.error.startswith(error)
    assert record.report
    assert error in " ".join(record.report["errors"])


async def test_deadline_ends_the_work_and_leaves_time_for_the_shutdown(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    function = make_function(
        SCENARIO, seconds=3, env={"TEMPORAL_LAMBDA_IDLE_TIMEOUT": "", "GRACEFUL": "0.2"}
    )
    record = await invoke(function)
    assert record.status == "error"
    assert record.error
    assert "2.2s of them are kept for the shutdown" in record.error

    function = make_function(
        SCENARIO,
        seconds=3,
        env={
            "TEMPORAL_LAMBDA_IDLE_TIMEOUT": "",
            "TEMPORAL_LAMBDA_SHUTDOWN_DEADLINE_BUFFER": "1s",
            "GRACEFUL": "0.2",
        },
    )
    record = await invoke(function)
    assert record.status == "success"
    assert events(record)[-4:] == ["drained", "hook", "released", "teardown"]
    assert record.report
    assert record.report["stop_reason"] == "deadline"
    # 3 s, less 1 s of buffer and a third of the rest for the soft close.
    assert 800 < record.report["phases_ms"]["work"] < 1700
    assert record.report["phases_ms"]["close"] < 900


async def test_too_short_deadline_says_both_numbers_and_the_remedy(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    function = make_function(
        SCENARIO, seconds=3, env={"TEMPORAL_LAMBDA_GRACEFUL_SHUTDOWN_TIMEOUT": "5s"}
    )
    record = await invoke(function)
    assert record.error
    # Of the three seconds, a busy machine has used some by the time that they are read.
    assert re.match(
        r"DeadlineError: Lambda timeout is too short: (3\.0|2\.\d)s are left and ", record.error
    )
    assert "7.0s of them are kept for the shutdown. Increase the function timeout" in record.error
    assert events(record) == ["setup", "acquired", "hook", "released", "teardown"]


async def test_short_deadline_warns_once(make_function: MakeFunction, invoke: Invoke) -> None:
    record = await invoke(make_function(SCENARIO, seconds=6))
    warnings = [line for line in record.log if "Lambda timeout leaves less than 5s" in line]
    assert record.status == "success"
    assert len(warnings) == 1


async def test_hooks_of_every_kind_run_in_order_whatever_the_others_do(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    record = await invoke(make_function(SCENARIO, env={"SCENARIO": "hooks"}))
    assert record.status == "success"
    names = ["sync", "coroutine", "future", "task", "raises", "exits", "hangs", "blocks", "last"]
    assert events(record)[-len(names) - 2 :] == [*names, "released", "teardown"]
    assert record.report
    assert record.report["abandoned"] == [{"hook": "hangs"}, {"hook": "blocks"}]
    assert record.report["errors"] == [
        "hook raises: RuntimeError: hook broke",
        "hook exits: SystemExit: 3",
    ]
    log = "\n".join(record.log)
    assert "Traceback" in log
    assert 'raise RuntimeError("hook broke")' in log
    assert "hook blocks was abandoned: it blocks at" in log
    assert record.duration_ms < 9_800


@pytest.mark.parametrize("scenario", ["setup_hangs", "setup_blocks"])
async def test_setup_that_never_ends_is_left_in_time_for_the_hooks(
    scenario: str, make_function: MakeFunction, invoke: Invoke
) -> None:
    record = await invoke(make_function(SCENARIO, seconds=3, env={"SCENARIO": scenario}))
    assert record.status == "error"
    assert record.error
    expected = "DeadlineError" if scenario == "setup_hangs" else "EventLoopBlockedError"
    assert record.error.startswith(expected)
    assert events(record) == ["setup", "hook"]
    assert record.duration_ms < 2_800


async def test_hook_that_comes_back_late_does_not_speak_for_the_one_after_it(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    record = await invoke(make_function(SCENARIO, env={"SCENARIO": "blocking_hooks"}))
    assert record.status == "success", record.error
    assert events(record)[-5:] == ["blocks a while", "blocks", "last", "released", "teardown"]
    assert record.report
    assert record.report["abandoned"] == [{"hook": "blocks_a_while"}, {"hook": "blocks"}]


async def test_cancellation_raised_by_user_code_is_an_error_and_not_the_runtimes_end(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    record = await invoke(make_function(SCENARIO, env={"SCENARIO": "cancelled"}))
    assert record.status == "error"
    assert record.error == "RuntimeError: user code raised CancelledError()"
    assert events(record) == ["setup", "hook"]


async def test_bound_arguments_of_a_hook_are_not_logged(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    record = await invoke(make_function(SCENARIO, env={"SCENARIO": "partial_hook"}))
    assert any("hook fails_with failed" in line for line in record.log)
    assert "top-secret" not in "\n".join(record.log)


async def test_tuner_brought_by_a_plugin_is_noticed(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    env = {"SCENARIO": "plugin_tuner"}
    record = await invoke(make_function(SCENARIO, env=env))
    assert record.error
    assert record.error.startswith("SettingsError: idle_timeout counts tasks in slots")
    env["TEMPORAL_LAMBDA_IDLE_TIMEOUT"] = ""
    record = await invoke(make_function(SCENARIO, seconds=5, env=env))
    assert record.report
    assert (record.report["stop_reason"], record.report["tasks"]) == ("deadline", None)


async def test_what_a_tuner_hides_is_said_once(make_function: MakeFunction, invoke: Invoke) -> None:
    env = {"SCENARIO": "plugin_tuner", "TEMPORAL_LAMBDA_IDLE_TIMEOUT": ""}
    function = make_function(SCENARIO, seconds=5, env=env)
    said = [
        'worker_config["tuner"] hides the tasks' in line for line in (await invoke(function)).log
    ]
    assert said.count(True) == 1
    assert "hides the tasks" not in "\n".join((await invoke(function)).log)


async def test_hanging_hook_beside_a_tuner_leaves_the_process_alone(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    env = {"SCENARIO": "tuner_and_hanging_hook", "TEMPORAL_LAMBDA_IDLE_TIMEOUT": ""}
    record = await invoke(make_function(SCENARIO, seconds=5, env=env))
    assert record.status == "success"
    assert record.report
    assert record.report["abandoned"] == [{"hook": "hangs"}]
