"""The forms a configure callback can have."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.errors import ConfigureError
from temporal_lambda.runtime.configure_callback import Configure

EVENTS: list[str] = []


@pytest.fixture(autouse=True)
def events() -> list[str]:
    EVENTS.clear()
    return EVENTS


def function(config: LambdaWorkerConfig) -> None:
    EVENTS.append("setup")


async def coroutine(config: LambdaWorkerConfig) -> None:
    EVENTS.append("setup")


async def async_generator(config: LambdaWorkerConfig) -> AsyncIterator[None]:
    EVENTS.append("setup")
    yield
    EVENTS.append("teardown")


@contextmanager
def manager(config: LambdaWorkerConfig) -> Iterator[None]:
    EVENTS.append("setup")
    yield
    EVENTS.append("teardown")


class Callable:
    async def __call__(self, config: LambdaWorkerConfig) -> AsyncIterator[None]:
        EVENTS.append("setup")
        yield
        EVENTS.append("teardown")

    def method(self, config: LambdaWorkerConfig) -> None:
        EVENTS.append("setup")


@pytest.mark.parametrize(
    "callback",
    [
        function,
        coroutine,
        async_generator,
        manager,
        asynccontextmanager(async_generator),
        functools.partial(async_generator),
        Callable(),
        Callable().method,
        lambda config: coroutine(config),
    ],
)
async def test_setup_runs_at_once_and_teardown_when_asked(callback: Any) -> None:
    teardown = await Configure(callback).set_up(LambdaWorkerConfig())
    assert EVENTS == ["setup"]
    if teardown:
        assert await teardown(None) is False
        assert EVENTS == ["setup", "teardown"]


def generator(config: LambdaWorkerConfig) -> Iterator[None]:
    yield


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (42, "is 42, which can't be called"),
        (generator, "callback generator is a generator function without async"),
        (lambda: None, "must take one argument, the config"),
        (lambda a, b: None, "must take one argument, the config"),
    ],
)
def test_what_can_be_known_to_be_wrong_is_an_error_at_once(callback: Any, message: str) -> None:
    with pytest.raises(ConfigureError, match=message) as error:
        Configure(callback)
    assert isinstance(error.value, TypeError)


async def without_a_yield(config: LambdaWorkerConfig) -> AsyncIterator[None]:
    if EVENTS:
        yield


async def returns_a_manager(config: LambdaWorkerConfig) -> Any:
    return manager(config)


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (without_a_yield, "ended without a yield"),
        (lambda config: generator(config), "returns a generator instead of being one"),
        (returns_a_manager, "is a coroutine function that returned a"),
    ],
)
async def test_what_shows_only_when_called_is_an_error_then(callback: Any, message: str) -> None:
    with pytest.raises(ConfigureError, match=message):
        await Configure(callback).set_up(LambdaWorkerConfig())


async def test_second_yield_is_an_error_at_the_teardown() -> None:
    async def yields_twice(config: LambdaWorkerConfig) -> AsyncIterator[None]:
        yield
        yield

    teardown = await Configure(yields_twice).set_up(LambdaWorkerConfig())
    assert teardown
    with pytest.raises(ConfigureError, match="yielded more than once"):
        await teardown(None)


class Manager:
    """A context manager, sync and async, that answers as it was told to."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.got: tuple[Any, ...] = ()

    def __call__(self, config: LambdaWorkerConfig) -> Manager:
        return self

    def _end(self, *exception: Any) -> Any:
        self.got = exception
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer


class Sync(Manager):
    def __enter__(self) -> None: ...

    def __exit__(self, *exception: Any) -> Any:
        return self._end(*exception)


class Async(Manager):
    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *exception: Any) -> Any:
        return self._end(*exception)


@pytest.mark.parametrize("kind", [Sync, Async])
@pytest.mark.parametrize("answer", [True, False, None])
async def test_context_manager_gets_the_error_and_says_whether_it_is_handled(
    kind: type[Manager], answer: bool | None
) -> None:
    manager, error = kind(answer), ValueError("broke")
    teardown = await Configure(manager).set_up(LambdaWorkerConfig())  # type: ignore[arg-type]
    assert teardown
    assert await teardown(error) is bool(answer)
    assert manager.got == (ValueError, error, error.__traceback__)


@pytest.mark.parametrize("kind", [Sync, Async])
async def test_error_raised_instead_has_the_invocations_as_its_context(
    kind: type[Manager],
) -> None:
    manager, error = kind(KeyError("another")), ValueError("broke")
    teardown = await Configure(manager).set_up(LambdaWorkerConfig())  # type: ignore[arg-type]
    assert teardown
    with pytest.raises(KeyError) as raised:
        await teardown(error)
    assert raised.value.__context__ is error


async def test_generator_ends_normally_whatever_has_failed() -> None:
    teardown = await Configure(async_generator).set_up(LambdaWorkerConfig())
    assert teardown
    assert await teardown(ValueError("broke")) is False
    assert EVENTS == ["setup", "teardown"]
