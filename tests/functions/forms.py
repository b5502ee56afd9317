"""Every form of configure callback; ``FORM`` says which one this function has."""

from __future__ import annotations

import functools
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from common import VERSION, event, register

from temporal_lambda import LambdaWorkerConfig, run_worker


def set_up(config: LambdaWorkerConfig) -> None:
    event("setup")
    register(config)
    config.shutdown_hooks.append(lambda: event("hook"))


def function(config: LambdaWorkerConfig) -> None:
    set_up(config)


async def coroutine(config: LambdaWorkerConfig) -> None:
    set_up(config)


async def async_generator(config: LambdaWorkerConfig) -> AsyncIterator[None]:
    set_up(config)
    yield
    event("teardown")


@asynccontextmanager
async def async_context_manager(config: LambdaWorkerConfig) -> AsyncIterator[None]:
    set_up(config)
    yield
    event("teardown")


@contextmanager
def context_manager(config: LambdaWorkerConfig) -> Iterator[None]:
    set_up(config)
    yield
    event("teardown")


async def with_prefix(prefix: str, config: LambdaWorkerConfig) -> AsyncIterator[None]:
    event(prefix)
    set_up(config)
    yield
    event("teardown")


class Methods:
    async def generator(self, config: LambdaWorkerConfig) -> AsyncIterator[None]:
        set_up(config)
        yield
        event("teardown")

    async def __call__(self, config: LambdaWorkerConfig) -> AsyncIterator[None]:
        set_up(config)
        yield
        event("teardown")


class Entered:
    """A context manager of the class kind."""

    def __init__(self, config: LambdaWorkerConfig) -> None:
        self.config = config

    async def __aenter__(self) -> None:
        set_up(self.config)

    async def __aexit__(self, *_: object) -> None:
        event("teardown")


def generator(config: LambdaWorkerConfig) -> Iterator[None]:
    set_up(config)
    yield


async def two_yields(config: LambdaWorkerConfig) -> AsyncIterator[None]:
    set_up(config)
    yield
    yield


async def no_yield(config: LambdaWorkerConfig) -> AsyncIterator[None]:
    set_up(config)
    if config is None:
        yield


async def returns_manager(config: LambdaWorkerConfig) -> Any:
    return async_context_manager(config)


FORMS: dict[str, Any] = {
    "function": function,
    "lambda": lambda config: set_up(config),
    "coroutine": coroutine,
    "async_generator": async_generator,
    "async_context_manager": async_context_manager,
    "context_manager": context_manager,
    "partial": functools.partial(with_prefix, "partial"),
    "method": Methods().generator,
    "object": Methods(),
    "class": Entered,
    "generator": generator,
    "lambda_returning_generator": lambda config: generator(config),
    "lambda_returning_async_generator": lambda config: async_generator(config),
    "two_yields": two_yields,
    "no_yield": no_yield,
    "returns_manager": returns_manager,
    "not_callable": 42,
    "no_argument": lambda: None,
}

lambda_handler = run_worker(VERSION, FORMS[os.environ["FORM"]])
