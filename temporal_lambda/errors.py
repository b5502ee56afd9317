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
    """The time Lambda gave the invocation is too short for its own shutdown, or ran out in setup."""


class ConnectError(TemporalLambdaError, RuntimeError):
    """The Temporal server could not be reached: names address and namespace, never a credential."""


class EventLoopBlockedError(TemporalLambdaError, RuntimeError):
    """Code that blocks without awaiting held the event loop until the invocation had to end."""
