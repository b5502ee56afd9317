"""A worker interceptor: what is done around the body of each op."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from temporalio import activity
from temporalio.converter import PayloadConverter
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from temporal_lambda.dagster.serving.env_references import references, resolve_references
from temporal_lambda.dagster.serving.op_failure import clean_failure, clean_text
from temporal_lambda.dagster.serving.op_log import OpLog
from temporal_lambda.dagster.serving.ops import config_model, parameter_types, validate
from temporal_lambda.dagster.serving.payload_size import MAX_PAYLOAD_BYTES, REMEDY, size_of
from temporal_lambda.dagster.serving.plan import OP_CALL
from temporal_lambda.dagster.serving.run_context import OpContext, op_context
from temporal_lambda.errors import PayloadError

LOG_LINES = 100
"""Log lines of an attempt that go to Dagster's event log, unless the handler says otherwise."""

MAX_REPORTED = 1_000
"""Materializations, observations and checks that one op may report."""


@dataclass
class OpReport:
    """What an attempt at an op came to; what ``run_dagster_worker``'s own workflow is returned.

    Attributes:
        output: The op's output; ``None`` for an attempt that failed.
        start: When the body began, in epoch seconds.
        end: When it ended, in epoch seconds.
        logs: See ``OpLog.lines``.
        logs_left_out: How many log lines there were beyond those.
        events: Materializations, observations and checks, as ``dagster_run()`` was told them.
        metadata: Metadata of the output.
    """

    output: Any = None
    start: float = 0.0
    end: float = 0.0
    logs: list[dict[str, Any]] = field(default_factory=list)
    logs_left_out: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)


class OpCallInterceptor(Interceptor):
    """Makes an activity that is called as an op find its arguments, its run and its way to report.

    Whatever fails around the body is an error of the op, with its reason: arguments that can't be
    converted, an output that can't be encoded or is too large, ``sys.exit``, an error whose text
    can't be sent. An activity that is called in another way is left alone.

    Args:
        allowed: Environment variables that configs may refer to.
        variables: The payload's environment variables, by the id of the workflow they are for.
        log_lines: How many log lines of an attempt to keep.
    """

    def __init__(
        self,
        allowed: Collection[str],
        variables: Mapping[str, Mapping[str, str]],
        log_lines: int = LOG_LINES,
    ) -> None:
        self.allowed = allowed
        self.variables = variables
        self.log_lines = log_lines

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """See base class."""
        return _OpCalls(next, self)


class _OpCalls(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, options: OpCallInterceptor) -> None:
        super().__init__(next)
        self._options = options

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        """See base class."""
        args = list(input.args)
        last = args[-1] if args else None
        if not isinstance(last, dict) or set(last) != {OP_CALL}:
            return await super().execute_activity(input)
        call = last[OP_CALL]
        context = self._context(call)
        secrets = [*(context.variables or {}).values(), *self._referred(args[:-1])]
        log = OpLog(context, self._options.log_lines, secrets)
        report = OpReport(start=time.time())
        converter = activity.payload_converter()
        try:
            input.args = self._typed(input.fn, args[:-1], call["op"])
            with op_context(context), log.attached():
                report.output = await super().execute_activity(input)
            self._finish(report, context, log)
            # Wrapped in any case: what is no JSON value can't be an input of ops downstream.
            answer = {one.name: getattr(report, one.name) for one in fields(report)}
            _check_output(answer, converter)
        except CancelledError:
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            report.output = None
            self._finish(report, context, log)
            told = asdict(report) if call.get("report") else None
            failure = clean_failure(error, converter, told, log.hide)
            # Its cause may hold what can't be sent, and has no more to tell.
            raise failure from None
        return answer if call.get("report") else report.output

    def _context(self, call: Mapping[str, Any]) -> OpContext:
        run = call.get("run")
        known = {one.name for one in fields(OpContext)}
        variables = self._options.variables.get(activity.info().workflow_id or "")
        return OpContext(
            **{name: value for name, value in (run or {}).items() if name in known},
            op_name=call["op"],
            variables=variables,
            allowed_variables=self._options.allowed,
        )

    def _referred(self, args: list[Any]) -> list[str]:
        return [
            os.environ[name]
            for name in references(args[0] if args else None)
            if name in self._options.allowed and name in os.environ
        ]

    def _typed(self, function: Callable[..., Any], args: list[Any], op: str) -> list[Any]:
        """The arguments as the activity's annotations have them, with the config resolved."""
        allowed = self._options.allowed
        secret = any(references(args[0] if args else None))
        try:
            resolved = [resolve_references(one, allowed, os.environ) for one in args[:1]]
            for config in resolved if secret else ():
                validate(config_model(function), config, op)
            # The SDK has decoded them to plain JSON, since they are one more than the activity
            # takes; from here on it is as if it had decoded them for the activity itself.
            converter = activity.payload_converter()
            payloads = converter.to_payloads([*resolved, *args[1:]])
            hints = parameter_types(function)
            fits = len(hints) >= len(payloads)
            return converter.from_payloads(payloads, hints[: len(payloads)] if fits else None)
        except PayloadError as error:
            problem = str(error)
        except Exception as error:
            reason = type(error).__name__ if secret else f"{type(error).__name__}: {error}"
            problem = f"the arguments of op {op} can't be converted: {reason}"
        # Out of reach of the error above, whose text may show the secret; a cause ends up in the
        # history like the rest.
        raise ApplicationError(problem, type="PayloadError", non_retryable=True)

    def _finish(self, report: OpReport, context: OpContext, log: OpLog) -> None:
        report.end = time.time()
        report.logs, report.logs_left_out = log.lines, log.left_out
        report.events = context.reported[:MAX_REPORTED]
        report.metadata = context.output_metadata


def _check_output(answer: Mapping[str, Any], converter: PayloadConverter) -> None:
    try:
        if isinstance(answer["output"], bytes | bytearray):
            raise TypeError("bytes are no JSON value")
        size = size_of(converter, answer)
    except Exception as error:
        raise ApplicationError(
            f"the output can't be encoded: {type(error).__name__}: {clean_text(str(error))}",
            type="OutputError",
            non_retryable=True,
        ) from None
    if size > MAX_PAYLOAD_BYTES:
        raise ApplicationError(
            f"the output has {size} bytes, and {MAX_PAYLOAD_BYTES} can be kept: {REMEDY}",
            type="OutputError",
            non_retryable=True,
        )
