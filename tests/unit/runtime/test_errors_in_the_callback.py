"""What the callback's other half, and hooks, learn of an error of the invocation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from temporal_lambda import LambdaWorkerConfig
from tests.support.invocations import Strategy, run_invocation


async def break_down() -> None:
    raise RuntimeError("the work broke")


def test_context_manager_that_handles_the_error_makes_the_invocation_succeed() -> None:
    seen: list[BaseException] = []

    @asynccontextmanager
    async def configure(config: LambdaWorkerConfig) -> AsyncIterator[None]:
        try:
            yield
        except RuntimeError as error:
            seen.append(error)

    run = run_invocation(configure, Strategy(break_down))
    assert run.error is None
    assert [str(error) for error in seen] == ["the work broke"]
    # It is not hidden from who reads the report.
    assert run.report["errors"] == ["work: RuntimeError: the work broke"]


def test_context_manager_may_raise_another_error_in_its_place() -> None:
    @asynccontextmanager
    async def configure(config: LambdaWorkerConfig) -> AsyncIterator[None]:
        try:
            yield
        except RuntimeError as error:
            raise OSError("in other words") from error

    assert isinstance(run_invocation(configure, Strategy(break_down)).error, OSError)


def test_context_manager_that_lets_the_error_through_adds_nothing_to_the_report() -> None:
    @asynccontextmanager
    async def configure(config: LambdaWorkerConfig) -> AsyncIterator[None]:
        yield

    run = run_invocation(configure, Strategy(break_down))
    assert str(run.error) == "the work broke"
    assert len(run.report["errors"]) == 1


def test_hooks_and_code_after_a_bare_yield_can_ask_what_has_failed() -> None:
    seen: list[BaseException | None] = []

    async def configure(config: LambdaWorkerConfig) -> AsyncIterator[None]:
        seen.append(config.invocation.error)
        config.shutdown_hooks.append(lambda: seen.append(config.invocation.error))
        yield
        seen.append(config.invocation.error)

    run = run_invocation(configure, Strategy(break_down))
    assert seen == [None, run.error, run.error]
