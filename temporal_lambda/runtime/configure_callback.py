"""The configure callback's forms -> set up, and a teardown for later."""

from __future__ import annotations

import inspect
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, TypeAlias

from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.errors import ConfigureError
from temporal_lambda.naming import name_of

ConfigureCallback: TypeAlias = Callable[
    [LambdaWorkerConfig],
    Awaitable[None]
    | AsyncIterator[None]
    | AbstractAsyncContextManager[Any]
    | AbstractContextManager[Any]
    | None,
]

Teardown = Callable[[BaseException | None], Awaitable[bool]]
"""Ends a callback. Given the invocation's error, if any; returns whether that has been handled."""

ACCEPTED = (
    "a function, a coroutine function, an async generator function with exactly one yield, or a "
    "function that returns a context manager (@asynccontextmanager or @contextmanager)"
)


class Configure:
    """A user's configure callback, whatever its form.

    Args:
        callback: See ``run_worker``.

    Raises:
        ConfigureError: The callback can't be driven, as far as that shows before calling it.
    """

    def __init__(self, callback: ConfigureCallback) -> None:
        if not callable(callback):
            raise ConfigureError(f"configure is {callback!r}, which can't be called; {_expected()}")
        self._callback = callback
        self._name = name_of(callback)
        if self._has_shape(inspect.isgeneratorfunction):
            raise self._rejected("is a generator function without async: write async def")
        try:
            inspect.signature(callback).bind(None)
        except TypeError as error:
            raise self._rejected(f"must take one argument, the config: {error}") from None
        except ValueError:
            pass  # Some builtins have no signature; calling them shows what they accept.

    async def set_up(self, config: LambdaWorkerConfig) -> Teardown | None:
        """Run the setup half.

        Returns:
            The other half, to be called once the worker has stopped; ``None`` if there is none. A
            context manager learns of the invocation's error by it. An async generator does not,
            and ends normally: code below a bare ``yield`` runs on every path.

        Raises:
            ConfigureError: What came back can't be driven.
            Exception: Whatever the callback raised. On that, and on cancellation, the callback has
                unwound itself already.
        """
        if self._has_shape(inspect.isasyncgenfunction):
            return await self._start(self._callback(config))
        result: Any = self._callback(config)
        if inspect.isgenerator(result) or inspect.isasyncgen(result):
            raise self._rejected("returns a generator instead of being one")
        if hasattr(result, "__aenter__"):
            await result.__aenter__()
            return _leave_by(result.__aexit__)
        if hasattr(result, "__enter__"):
            result.__enter__()
            return _leave_by(result.__exit__)
        if inspect.isawaitable(result):
            self._accept_no_more(await result)
        return None

    async def _start(self, generator: Any) -> Teardown:
        try:
            await anext(generator)
        except StopAsyncIteration:
            raise self._rejected("ended without a yield") from None

        async def finish(error: BaseException | None) -> bool:
            try:
                await anext(generator)
            except StopAsyncIteration:
                return False
            await generator.aclose()
            raise self._rejected("yielded more than once")

        return finish

    def _accept_no_more(self, result: Any) -> None:
        """A coroutine that hands out something to be entered would lose it here: refuse."""
        if inspect.iscoroutine(result):
            result.close()
        if (
            inspect.isawaitable(result)
            or inspect.isgenerator(result)
            or inspect.isasyncgen(result)
            or hasattr(result, "__aenter__")
            or hasattr(result, "__enter__")
        ):
            raise self._rejected(f"is a coroutine function that returned a {type(result).__name__}")

    def _has_shape(self, predicate: Callable[[Any], bool]) -> bool:
        """Whether the callback, or the ``__call__`` of an object, is such a function."""
        return predicate(self._callback) or predicate(getattr(self._callback, "__call__", None))  # noqa: B004

    def _rejected(self, why: str) -> ConfigureError:
        return ConfigureError(f"configure callback {self._name} {why}; {_expected()}")


def _expected() -> str:
    return f"it must be {ACCEPTED}"


def _leave_by(exit: Callable[..., Any]) -> Teardown:
    """End a ``with`` block, by its manager's ``__exit__`` or ``__aexit__``."""

    async def call(*exception: Any) -> bool:
        result = exit(*exception)
        return bool(await result if inspect.isawaitable(result) else result)

    async def leave(error: BaseException | None) -> bool:
        if error is None:
            return await call(None, None, None)
        try:
            raise error
        except BaseException:
            # Called in here, so that an error raised instead has the invocation's as its context.
            return await call(*sys.exc_info())

    return leave
