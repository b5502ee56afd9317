"""The errors this package raises."""

from __future__ import annotations

from collections.abc import Iterator


class TemporalLambdaError(Exception):
    """Base class of all errors of this package."""


class SettingsError(TemporalLambdaError, ValueError):
    """A setting is invalid; the message names it, where it was found, and what is accepted."""


class ConfigureError(TemporalLambdaError, TypeError):
    """The configure callback has an unsupported form; the message names the accepted forms."""


class TaskQueueError(TemporalLambdaError, ValueError):
    """No task queue is configured, neither by the callback nor by ``TEMPORAL_TASK_QUEUE``."""


class DeadlineError(TemporalLambdaError, RuntimeError):
    """The time until Lambda's deadline is too short for any work, or was used up by the setup."""


class ConnectError(TemporalLambdaError, RuntimeError):
    """The Temporal server can't be reached or refuses the worker.

    The message names address and namespace, and never shows a credential.

    Attributes:
        refused: Whether the server has refused the credentials.
    """

    refused = False


class EventLoopBlockedError(TemporalLambdaError, RuntimeError):
    """Code blocked the event loop until the invocation had to end; the message says where."""


class PayloadError(TemporalLambdaError, ValueError):
    """An event asks for a Dagster run that can't be served; nothing was started."""


class RunFailedError(TemporalLambdaError, RuntimeError):
    """A Dagster run failed or was canceled; raised by handlers made with ``on_error="raise"``."""


class WorkerDeploymentError(TemporalLambdaError, RuntimeError):
    """The server refuses what was asked of a worker deployment, or does not come to it in time."""


class MissingExtraError(TemporalLambdaError, ImportError):
    """An optional part of this package was imported but its dependencies are not installed.

    Args:
        part: The module that was imported.
        extra: The extra that installs its dependencies.
        cause: The import that failed.
    """

    def __init__(self, part: str, extra: str, cause: ModuleNotFoundError) -> None:
        super().__init__(
            f"{part} needs {cause.name or cause}: install this package with its extra {extra}: "
            f"pip install 'PATH[{extra}]', where PATH is its wheel or its checkout"
        )


class PlatformError(TemporalLambdaError, ImportError):
    """An optional part of this package was imported on a system that it does not run on."""


def text_of(error: BaseException) -> str:
    """The text of an error, whatever its ``__str__`` does.

    Example:
        >>> text_of(ValueError("too small"))
        'too small'
    """
    try:
        return str(error)
    except Exception as broken:
        return f"(its text can't be had: {type(broken).__name__})"


def causes(error: BaseException | None, *, hidden: bool = False) -> Iterator[BaseException]:
    """An error and what a traceback would show as its causes, the outermost first.

    Args:
        error: The error; ``None`` has no causes.
        hidden: Whether those count as well that a ``raise ... from None`` hides.

    Example:
        >>> outer = ValueError("can't start")
        >>> outer.__cause__ = KeyError("id")
        >>> list(causes(outer))
        [ValueError("can't start"), KeyError('id')]
    """
    seen: set[int] = set()
    while error and id(error) not in seen:
        seen.add(id(error))
        yield error
        shows_context = hidden or not error.__suppress_context__
        error = error.__cause__ or (error.__context__ if shows_context else None)
