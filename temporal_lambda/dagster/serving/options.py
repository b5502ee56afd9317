"""How ops and jobs are run: what a handler's author can set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any

from temporalio.common import RetryPolicy

from temporal_lambda.dagster.serving.graph import in_order
from temporal_lambda.errors import PayloadError, SettingsError


@dataclass(frozen=True)
class OpOptions:
    """How an op is run. What is ``None`` is left to the next more general place.

    Attributes:
        retry_policy: When an attempt that failed is repeated. Without one an error that the op
            raises fails the run, as in Dagster; an attempt that ended because its invocation did
            is repeated, ten times if it tells no progress by heartbeats.
        start_to_close_timeout: How long one attempt may take; the function's own time by default,
            since no attempt outlives its invocation.
        schedule_to_close_timeout: How long all attempts together may take; no limit by default.
        heartbeat_timeout: How long an attempt may be silent; no limit by default.

    Example:
        >>> from datetime import timedelta
        >>> OpOptions(start_to_close_timeout=timedelta(minutes=2)).retry_policy is None
        True
    """

    retry_policy: RetryPolicy | None = None
    start_to_close_timeout: timedelta | None = None
    schedule_to_close_timeout: timedelta | None = None
    heartbeat_timeout: timedelta | None = None

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            SettingsError: A value has the wrong type or is not above 0.
        """
        for name in (one.name for one in fields(self) if one.name != "retry_policy"):
            value = getattr(self, name)
            if value is None:
                continue
            if not isinstance(value, timedelta) or value <= timedelta():
                raise SettingsError(f"OpOptions.{name} must be a timedelta above 0; got {value!r}")
        if not isinstance(self.retry_policy, RetryPolicy | None):
            raise SettingsError(
                f"OpOptions.retry_policy must be a temporalio RetryPolicy; got "
                f"{self.retry_policy!r}"
            )

    def over(self, general: OpOptions) -> OpOptions:
        """These options, with those of a more general place where nothing is said here."""
        own = {one.name: getattr(self, one.name) for one in fields(self)}
        return OpOptions(
            **{
                name: getattr(general, name) if value is None else value
                for name, value in own.items()
            }
        )


@dataclass(frozen=True)
class JobOptions:
    """How the ops of one job are run.

    Attributes:
        order: Op -> the ops it waits for, for payloads that don't hold the job's graph.
        workflow: A workflow of your own that runs the job, by its run method or its name, as for
            ``Client.start_workflow``. It is registered in the configure callback and is given a
            ``Run``. Only for durable runs.
        ops: Options by op, before those given for the op in all jobs.

    Example:
        >>> JobOptions(order={"transform": ["extract"], "load": ["transform"]}).workflow is None
        True
    """

    order: Mapping[str, Sequence[str]] | None = None
    workflow: Any = None
    ops: Mapping[str, OpOptions] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the order, as far as that can be done without a payload.

        Raises:
            SettingsError: It holds a cycle, or is no mapping of op -> list of ops.
        """
        if self.order is None:
            return
        for op, needed in self.order.items():
            if isinstance(needed, str):
                raise SettingsError(
                    f"JobOptions.order: {op!r} needs a list of ops; got the text {needed!r}"
                )
        needed_ops = [name for needed in self.order.values() for name in needed]
        try:
            in_order(self.order, needed_ops)
        except PayloadError as error:
            raise SettingsError(f"JobOptions.order: {error}") from None
