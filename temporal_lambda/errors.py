"""Every error this package raises on its own account."""

from __future__ import annotations


class TemporalLambdaError(Exception):
    """Base of all errors of this package, for one ``except`` around everything."""


class SettingsError(TemporalLambdaError, ValueError):
    """A setting is wrong: names the setting, where it was found, and what to write instead."""


class ConfigureError(TemporalLambdaError, TypeError):
    """The configure callback has a form that can't be driven."""


class TaskQueueError(TemporalLambdaError, ValueError):
    """No task queue was configured."""


class DeadlineError(TemporalLambdaError, RuntimeError):
    """The time Lambda gave the invocation is too short, or was used up in setup."""


class ConnectError(TemporalLambdaError, RuntimeError):
    """The Temporal server could not be reached: names address and namespace, never a credential."""


class EventLoopBlockedError(TemporalLambdaError, RuntimeError):
    """Code that blocks without awaiting held the event loop until the invocation had to end."""


class PayloadError(TemporalLambdaError, ValueError):
    """An event asks for a Dagster run that can't be served as it stands; nothing was started."""


class RunFailedError(TemporalLambdaError, RuntimeError):
    """A Dagster run failed or was canceled, and the handler is to raise that."""


class MissingExtraError(TemporalLambdaError, ImportError):
    """An optional part of this package was imported without what it needs.

    Args:
        part: The module that was imported.
        extra: The extra that brings what it needs.
        cause: What failed to import.
    """

    def __init__(self, part: str, extra: str, cause: ImportError) -> None:
        super().__init__(
            f"{part} needs {cause.name or cause}; install it with: "
            f"pip install 'temporal-lambda[{extra}]'"
        )
