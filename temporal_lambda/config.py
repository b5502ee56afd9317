"""The configuration of one invocation, as the configure callback receives it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, Protocol, cast, overload

from temporalio.client import ClientConnectConfig
from temporalio.worker import WorkerConfig

from temporal_lambda.invocation_info import InvocationInfo
from temporal_lambda.outgoing import Redact
from temporal_lambda.settings.table import SETTINGS, Recycling

ShutdownHook = Callable[[], Awaitable[Any] | None]

HOOK_BUFFER = timedelta(seconds=2)
"""The part of the shutdown buffer beyond the graceful timeout (the contrib module's default)."""

DEFAULT_GRACEFUL_TIMEOUT: timedelta = SETTINGS["graceful_shutdown_timeout"].default


class Credentials(Protocol):
    """Gives a connection its credentials."""

    @property
    def ttl(self) -> timedelta | None:
        """How long they may be in use before ``refresh`` is asked; ``None`` for no such limit."""

    async def apply(self, connect: MutableMapping[str, Any]) -> None:
        """Put them into keyword arguments for ``Client.connect``, in bounded time."""

    async def refresh(self, connect: MutableMapping[str, Any]) -> bool:
        """Replace those that are old or refused by newer ones, if there are; return whether."""


class FollowsGracefulTimeout:
    """The attribute ``shutdown_deadline_buffer``: as set, else the graceful timeout plus 2 s.

    Setting it to ``None`` lets it follow the graceful timeout again.
    """

    @overload
    def __get__(self, config: None, owner: type) -> None: ...
    @overload
    def __get__(self, config: LambdaWorkerConfig, owner: type) -> timedelta: ...
    def __get__(self, config: LambdaWorkerConfig | None, owner: type) -> timedelta | None:
        """The buffer of a configuration; on the class itself ``None``, the field's default."""
        if config is None:
            return None
        buffer: timedelta | None = config.__dict__["shutdown_deadline_buffer"]
        if buffer is not None:
            return buffer
        graceful = config.worker_config.get("graceful_shutdown_timeout", DEFAULT_GRACEFUL_TIMEOUT)
        return graceful + HOOK_BUFFER

    def __set__(self, config: LambdaWorkerConfig, buffer: timedelta | None) -> None:
        """Set the buffer to a fixed value."""
        config.__dict__["shutdown_deadline_buffer"] = buffer

    @staticmethod
    def is_set(config: LambdaWorkerConfig) -> bool:
        """Whether it was set by hand."""
        return config.__dict__["shutdown_deadline_buffer"] is not None


@dataclass
class LambdaWorkerConfig:
    """The configuration of one invocation, handed to the configure callback.

    Each invocation gets a new one, which shares nothing with the next. A bare instance has no
    Lambda defaults; the one a callback receives has all of them, overridden by ``temporal.toml``
    and the environment. The callback has the last word, with two exceptions: worker versioning with
    the version given to ``run_worker`` stays on, and eager activities stay off; plugins can't
    change these either.

    Attributes:
        client_connect_config: Keyword arguments for ``temporalio.client.Client.connect``.
        worker_config: Keyword arguments for ``temporalio.worker.Worker``.
        shutdown_deadline_buffer: How long before Lambda's deadline the shutdown (drain, hooks,
            teardown) begins; unless set, ``graceful_shutdown_timeout`` plus 2 s.
        shutdown_hooks: Callables without arguments, in a list or another sequence, called in order
            when the worker has stopped, also after an error. What one returns is awaited if it can
            be.
        idle_timeout: When to end an invocation that has nothing to do. ``"auto"``: as soon as
            staying would cost more than coming back, by what is known of timers and retries, and
            of arrivals so far. A timedelta: once no task has been in flight for this long; choose
            one other than a whole number of seconds, at which retries and timers come back.
            ``None``: not before the deadline.
        reuse_connection: Keep the connection to the server for the next invocation in the same
            execution environment.
        recycle_environment: When to end the process after an invocation, so that the next one
            starts in a new execution environment; Lambda then counts the invocation as failed.
            ``poisoned``: if a worker could not be kept from polling, since it would receive tasks
            of later invocations and lose them, or if abandoned activities have used up an executor
            at module level. ``abandoned``: if anything was left running. ``never``: not at all.
        cloudwatch_metrics: Print the report in a form from which CloudWatch extracts metrics.
        cloudwatch_namespace: The namespace of these metrics.
        cloudwatch_dimensions: Their sets of dimensions, divided by semicolons; in each, divided by
            commas, ``FunctionName``, ``FunctionVersion``, ``TaskQueue`` or ``Name=value``. Each set
            multiplies the number of metrics, and their price.
        poll_cancellation_fans_out: Whether the Temporal server runs with
            ``frontend.enableMatchingFanOutForPollCancellation``. If it does not, or you don't know,
            an invocation of ``idle_timeout = "auto"`` that was queried or served a Nexus operation
            stays for 5.5 s, since the server would lose the next one within 5 s after its end.
        activity_needs: The least time that activities need, by type. One that comes when less is
            left is not begun just to be cut off: it is failed at once, and its next attempt comes
            when this invocation takes no more work. That counts as an attempt, so one that has no
            other is begun all the same.
        more_workers: Keyword arguments for further workers of the same version, each with a task
            queue, workflows and activities of its own. Other options that one leaves out are those
            of ``worker_config``; limits are per worker, all else is shared: client, deadline,
            close and report.
        credentials: Where the connection's credentials come from, such as a
            ``temporal_lambda.aws.SecretCredentials``; the settings ``api_key_secret`` and so on
            put one here. What ``client_connect_config`` has already stays. After a refusal they are
            asked for anew, and if they are new, it is tried again; a long invocation asks for newer
            ones before they are old.
        redact: Takes each text that is about to leave, and returns what may: error texts and the
            names of what was abandoned, in the report and its metrics; with
            ``temporal_lambda.otel`` also texts in span attributes, events and statuses, and in log
            records that are exported. If it fails, nothing leaves of that text.
        invocation: The invocation: request id, function ARN, the time that is left, and for hooks
            the report so far. Read-only.

    Example:
        >>> def configure(config: LambdaWorkerConfig) -> None:
        ...     config.worker_config["task_queue"] = "greetings"
        ...     config.idle_timeout = "auto"
        >>> config = LambdaWorkerConfig()
        >>> configure(config)
        >>> config.worker_config
        {'task_queue': 'greetings'}
    """

    client_connect_config: ClientConnectConfig = field(
        default_factory=lambda: cast(ClientConnectConfig, {}),
        repr=False,  # It may hold credentials.
    )
    worker_config: WorkerConfig = field(default_factory=lambda: WorkerConfig())
    shutdown_deadline_buffer: FollowsGracefulTimeout = FollowsGracefulTimeout()
    shutdown_hooks: list[ShutdownHook] = field(default_factory=list)
    idle_timeout: timedelta | Literal["auto"] | None = None
    reuse_connection: bool = SETTINGS["reuse_connection"].default
    recycle_environment: Recycling = SETTINGS["recycle_environment"].default
    cloudwatch_metrics: bool = SETTINGS["cloudwatch_metrics"].default
    cloudwatch_namespace: str = SETTINGS["cloudwatch_namespace"].default
    cloudwatch_dimensions: str = SETTINGS["cloudwatch_dimensions"].default
    poll_cancellation_fans_out: bool = SETTINGS["poll_cancellation_fans_out"].default
    activity_needs: dict[str, timedelta] = field(default_factory=dict)
    more_workers: list[WorkerConfig] = field(default_factory=list)
    credentials: Credentials | None = field(default=None, repr=False)
    redact: Redact | None = field(default=None, repr=False)
    invocation: InvocationInfo = field(default_factory=InvocationInfo, repr=False, compare=False)
