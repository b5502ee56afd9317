"""Calls a handler in this process, with the context that Lambda's runtime would give it."""

from __future__ import annotations

import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from temporal_lambda.local import LocalStackError
from temporal_lambda.report import INVOCATION, find_line
from temporal_lambda.testing.report import Report

if TYPE_CHECKING:
    from awslambdaric.lambda_context import LambdaContext

ARN = "arn:aws:lambda:us-east-1:123456789012:function:"

REPORTS = "temporal_lambda.report"
"""The logger of reports."""


@dataclass(frozen=True)
class HandlerRun:
    """What came of a handler that was called directly.

    Attributes:
        result: What it returned.
        error: What it raised, where ``check=False`` asked for it; else ``None``.
        context: The context it was given.
        logged: Its report as logged; ``None`` if it logs none, or prints metrics instead.
    """

    result: Any
    error: BaseException | None
    context: LambdaContext
    logged: Mapping[str, Any] | None

    @property
    def report(self) -> Report:
        """Its report.

        Raises:
            LocalStackError: It has logged none.
        """
        if self.logged is None:
            raise LocalStackError("the handler has logged no report")
        return Report.of(self.logged)


def invoke_handler(
    handler: Callable[[Any, Any], Any],
    event: Any = None,
    *,
    timeout: timedelta = timedelta(seconds=30),
    function_name: str = "under-test",
    check: bool = True,
) -> HandlerRun:
    """Call a handler in this process and this thread, as Lambda's runtime would.

    The context is the runtime's own class, with a deadline, and Lambda's variables are set in the
    environment meanwhile. Nothing ends the call at its deadline: that is for the handler to do.

    Args:
        handler: The handler.
        event: The event; ``{}`` by default, as Lambda makes of an empty payload.
        timeout: Time until the deadline.
        function_name: The function's name, in the context, the ARN and the environment.
        check: Whether an error of the handler is raised here.

    Returns:
        What came of it.

    Raises:
        Exception: What the handler raises, unless ``check`` is false.

    Example:
        >>> def handler(event, context):
        ...     return 0 < context.get_remaining_time_in_millis() <= 2000
        >>> invoke_handler(handler, timeout=timedelta(seconds=2)).result
        True
    """
    # Not before temporal_lambda.local has said what is missing here, or that this system is not one
    # of its own.
    from awslambdaric.lambda_context import LambdaContext

    with _variables_of(function_name), _reports() as reports:
        context = LambdaContext(
            invoke_id=str(uuid.uuid4()),
            client_context=None,
            cognito_identity=None,
            epoch_deadline_time_in_ms=int((time.time() + timeout.total_seconds()) * 1000),
            invoked_function_arn=f"{ARN}{function_name}",
        )
        result, error = None, None
        try:
            result = handler({} if event is None else event, context)
        except Exception as raised:
            if check:
                raise
            error = raised
    mine = [report for report in reports if report.get("request_id") == context.aws_request_id]
    return HandlerRun(result, error, context, mine[-1] if mine else None)


@contextmanager
def _variables_of(function_name: str) -> Iterator[None]:
    """Lambda's variables, except for those by which a process knows that Lambda owns it."""
    variables = {
        "AWS_LAMBDA_FUNCTION_NAME": function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function_name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "test",
    }
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _reports() -> Iterator[list[Mapping[str, Any]]]:
    """The reports that are logged within the block."""
    found: list[Mapping[str, Any]] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            # As an object where Lambda's JSON format is on.
            content = getattr(record, "content", None)
            report = content if isinstance(content, dict) else None
            if report is None or record.getMessage() != INVOCATION:
                report = find_line(INVOCATION, record.getMessage())
            if report is not None:
                found.append(report)

    logger, collector = logging.getLogger(REPORTS), Collector()
    level, disabled = logger.level, logger.disabled
    logger.addHandler(collector)
    # Frameworks that configure logging disable the loggers they find.
    logger.setLevel(logging.INFO)
    logger.disabled = False
    try:
        yield found
    finally:
        logger.removeHandler(collector)
        logger.setLevel(level)
        logger.disabled = disabled


def require_callable(handler: object) -> None:
    """Refuse what can't be called.

    Raises:
        LocalStackError: It is no handler.
    """
    if not callable(handler):
        raise LocalStackError(f"{handler!r} is a {type(handler).__name__}, and no handler")
