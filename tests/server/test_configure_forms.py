"""Every form of configure callback, on a real server and the real runtime client."""

from __future__ import annotations

import pytest

from tests.support.lambdas import Invoke, MakeFunction, events


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("function", ["setup", "hook"]),
        ("lambda", ["setup", "hook"]),
        ("coroutine", ["setup", "hook"]),
        ("async_generator", ["setup", "hook", "teardown"]),
        ("async_context_manager", ["setup", "hook", "teardown"]),
        ("context_manager", ["setup", "hook", "teardown"]),
        ("partial", ["partial", "setup", "hook", "teardown"]),
        ("method", ["setup", "hook", "teardown"]),
        ("object", ["setup", "hook", "teardown"]),
        ("class", ["setup", "hook", "teardown"]),
    ],
)
async def test_accepted_form_is_driven_through_setup_hooks_and_teardown(
    form: str, expected: list[str], make_function: MakeFunction, invoke: Invoke
) -> None:
    record = await invoke(make_function("forms.lambda_handler", env={"FORM": form}))
    assert record.status == "success", record.log
    assert events(record) == expected
    assert record.report
    assert record.report["stop_reason"] == "idle"


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ("generator", "is a generator function without async: write async def"),
        ("not_callable", "configure is 42, which can't be called"),
        ("no_argument", "must take one argument, the config"),
    ],
)
async def test_form_that_can_be_recognised_is_rejected_at_cold_start(
    form: str, reason: str, make_function: MakeFunction, invoke: Invoke
) -> None:
    record = await invoke(make_function("forms.lambda_handler", env={"FORM": form}))
    assert record.status == "init_error"
    assert record.error
    assert record.error.startswith("ConfigureError: ")
    assert reason in record.error
    assert "it must be a function, a coroutine function" in record.error


@pytest.mark.parametrize(
    ("form", "reason", "expected"),
    [
        ("lambda_returning_generator", "returns a generator instead of being one", []),
        ("lambda_returning_async_generator", "returns a generator instead of being one", []),
        ("no_yield", "ended without a yield", ["setup", "hook"]),
        ("two_yields", "yielded more than once", ["setup", "hook"]),
        ("returns_manager", "that returned a _AsyncGeneratorContextManager", []),
    ],
)
async def test_form_that_shows_only_when_called_is_rejected_then_and_names_the_callback(
    form: str,
    reason: str,
    expected: list[str],
    make_function: MakeFunction,
    invoke: Invoke,
) -> None:
    record = await invoke(make_function("forms.lambda_handler", env={"FORM": form}))
    assert record.status == "error"
    assert record.error
    assert record.error.startswith("ConfigureError: configure callback ")
    assert reason in record.error
    assert events(record) == expected
