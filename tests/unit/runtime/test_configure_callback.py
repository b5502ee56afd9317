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
        await teardown()
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
        await teardown()
