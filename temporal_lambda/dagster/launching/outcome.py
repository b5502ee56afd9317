"""What a function's answer means for the run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from temporal_lambda.dagster import protocol
from temporal_lambda.dagster.launching.foreign_data import clean_text
from temporal_lambda.dagster.launching.invoke import Answer

Kind = Literal["success", "failed", "running", "canceled", "died", "withdrawn"]
"""``died``: the execution environment did, under the function. ``withdrawn``: not invoked."""

DEATHS = ("Sandbox.Timedout", "Runtime.ExitError", "Runtime.OutOfMemory")
"""Error types of Lambda's own: the function did not fail, it was ended."""

OMITTED = "omitted: "
"""What stands in a result instead of an output that was too large."""

UNREADABLE_STATUS = -1
"""For a ``statusCode`` that is none."""

TIMED_OUT = "Task timed out after"
"""What AWS says of a timeout, with or without an error type."""

MAX_STACK = 200
"""Lines of a function's stack that are kept."""

MAX_MESSAGE = 10_000
"""Characters of an error that are kept."""

RUN_FAILED = "RunFailedError"
"""What a handler raises about a run whose ops failed."""

OF_THE_RUN = (RUN_FAILED, "PayloadError")
"""What a durable handler raises about the run itself, and not about an invocation."""


@dataclass(frozen=True)
class Outcome:
    """The meaning of an answer.

    Attributes:
        kind: What became of the run.
        message: In words, for ``failed``, ``died`` and ``canceled``.
        status: The ``statusCode``, if there was one.
        error_type: The exception's class, where a function raised one.
        raised: Whether the function had no answer of its own, but an error.
        stack: Its stack, one line each.
        result: What the function returned, for ``success``.
        log_tail: The last 4 KB of the function's log.
        workflow_id: The workflow that does this very run, for ``running`` and ``canceled``.
        pinned_to: The build that has to go on with it, where that is not the one that answered.
        elsewhere: Whether another invocation does the work, for ``running``.
        steps: What the function says of each op, as ``protocol`` has it; not trusted.
        events: The events of steps that it executed itself; not trusted. ``None`` if it has none.
    """

    kind: Kind
    message: str = ""
    status: int | None = None
    error_type: str | None = None
    raised: bool = False
    stack: tuple[str, ...] = ()
    result: Any = field(default=None, repr=False)
    log_tail: str = field(default="", repr=False)
    workflow_id: str | None = None
    pinned_to: str | None = None
    elsewhere: bool = False
    steps: Sequence[Any] = field(default=(), repr=False)
    events: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def has_more_events(self) -> bool:
        """Whether there are more events than the answer could hold."""
        return self.events is not None and self.events.get("more") is True


def interpret_answer(answer: Answer, run_id: str, *, fail_on_error_status: bool = True) -> Outcome:
    """Read the answer to a RequestResponse invocation.

    ``running`` and ``canceled`` are believed of an answer that names the run. A function that has
    never heard of Dagster may say the same of something else.

    Args:
        answer: What AWS answered.
        run_id: The run it was asked about.
        fail_on_error_status: Whether a ``statusCode`` of 400 or more is a failure.

    Example:
        >>> gone = Answer(200, "id", payload=b'{"statusCode": 404, "body": "gone"}')
        >>> interpret_answer(gone, "9d6c").message
        'the function answered with status 404: gone'
        >>> interpret_answer(Answer(200, "id", payload=b'{"copied": 3}'), "9d6c").result
        {'copied': 3}
    """
    value = _parsed(answer.payload.decode(errors="replace"))
    if answer.function_error:
        return _function_error(value, answer)
    outcome = _interpret(value, answer, run_id, fail_on_error_status=fail_on_error_status)
    body = _body(value, run_id)
    events = body.get("events")
    return replace(
        outcome, steps=_steps(body), events=events if isinstance(events, Mapping) else None
    )


def _body(value: Any, run_id: str) -> Mapping[str, Any]:
    """The body of an answer about this run; empty if it is about another, or has none."""
    body = _parsed(value.get("body")) if isinstance(value, Mapping) else None
    return body if isinstance(body, Mapping) and body.get("run_id") in (None, run_id) else {}


def _steps(body: Mapping[str, Any]) -> Sequence[Any]:
    steps, result = body.get("steps"), body.get("result")
    results = result.get("results") if isinstance(result, Mapping) else None
    if not isinstance(steps, list):
        return ()
    return [_with_output(step, results) for step in steps] if isinstance(results, dict) else steps


def _with_output(step: Any, results: Mapping[str, Any]) -> Any:
    """A step with its output, which the answer of a run that succeeded has in its result alone."""
    op = step.get("op") if isinstance(step, dict) else None
    if not isinstance(op, str) or op not in results or "output" in step:
        return step
    output = results[op]
    if isinstance(output, str) and output.startswith(OMITTED):
        return {**step, "output_omitted": output}
    return {**step, "output": output}


def _interpret(value: Any, answer: Answer, run_id: str, *, fail_on_error_status: bool) -> Outcome:
    status = _status(value)
    if status is None:
        return Outcome("success", result=value, log_tail=answer.log_tail)
    body = _parsed(value.get("body"))
    said = body if isinstance(body, Mapping) else {}
    run_status, workflow_id = said.get("status"), _name(said.get("workflow_id"))
    ours = said.get("run_id") == run_id
    running = status == protocol.RUNNING and run_status == "running"
    if running and ours:
        pinned_to = _name(said.get("pinned_to"))
        return Outcome(
            "running",
            status=status,
            workflow_id=workflow_id,
            pinned_to=pinned_to,
            elsewhere=said.get("elsewhere") is True,
        )
    if running and workflow_id:
        return Outcome(
            "failed",
            "the function keeps runs as workflows, and can be asked again only with payload_mode "
            f"full; what it has begun goes on as {workflow_id}",
            status,
            log_tail=answer.log_tail,
        )
    if ours and run_status == "canceled" and status in (protocol.CANCELED, protocol.OK):
        message = "the run was canceled in Lambda"
        return Outcome("canceled", message, status, workflow_id=workflow_id)
    if status == UNREADABLE_STATUS and fail_on_error_status:
        given = json.dumps(value["statusCode"])[:100]
        return Outcome(
            "failed",
            f"the function answered with statusCode {given}, which is no number from 100 to 599",
            log_tail=answer.log_tail,
        )
    if status >= 400 and fail_on_error_status:
        return Outcome(
            "failed",
            f"the function answered with status {status}: {_error_of(body)}",
            status,
            log_tail=answer.log_tail,
        )
    result = body["result"] if isinstance(body, Mapping) and "result" in body else body
    return Outcome("success", status=status, result=result, log_tail=answer.log_tail)


def _function_error(value: Any, answer: Answer) -> Outcome:
    error = value if isinstance(value, Mapping) else {"errorMessage": str(value)}
    kind, message = _name(error.get("errorType")), _text(error.get("errorMessage"))
    stack = error.get("stackTrace")
    return Outcome(
        "died" if kind in DEATHS or TIMED_OUT in str(message) else "failed",
        f"the function failed: {kind or answer.function_error}: {message or 'no message'}",
        error_type=kind,
        raised=True,
        stack=_stack(stack) if isinstance(stack, list) else (),
        log_tail=answer.log_tail,
    )


def _stack(lines: list[Any]) -> tuple[str, ...]:
    left_out = len(lines) - MAX_STACK
    more = (f"... and {left_out} more lines",) if left_out > 0 else ()
    return (*(clean_text(line, 1_000) for line in lines[:MAX_STACK]), *more)


def _status(value: Any) -> int | None:
    status = value.get("statusCode") if isinstance(value, Mapping) else None
    if status is None:
        return None
    if isinstance(status, str) and re.fullmatch("[1-5][0-9][0-9]", status):
        return int(status)
    if isinstance(status, int) and not isinstance(status, bool) and 100 <= status <= 599:
        return status
    return UNREADABLE_STATUS


def _name(value: Any) -> str | None:
    return clean_text(value, 500) if isinstance(value, str) and value else None


def _text(value: Any) -> str | None:
    return None if value is None else clean_text(value, MAX_MESSAGE)


def _error_of(body: Any) -> str:
    error = body.get("error", body) if isinstance(body, Mapping) else body
    return clean_text(error, MAX_MESSAGE)


def _parsed(text: Any) -> Any:
    """JSON if it is JSON; a body is text by convention only."""
    try:
        return json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return text
