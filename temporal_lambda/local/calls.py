"""Calls of a function, and what is answered to them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(eq=False)
class Call:
    """One invocation to be handed to a runtime process.

    Attributes:
        request_id: Lambda's request id.
        arn: The ARN it was invoked by.
        payload: JSON, as bytes.
        deadline_ms: When it ends, in milliseconds since the epoch.
        trace_id: The X-Ray header.
        client_context: JSON, if the caller sent one.
        on_line: Receives the lines that are printed for it.
        process_id: The process that took it; 0 before.
        answer: What that process answered.
        given_up: Whether an answer would come too late.
    """

    request_id: str
    arn: str
    payload: bytes = field(repr=False)
    deadline_ms: int = 0
    trace_id: str = ""
    client_context: str | None = None
    on_line: Callable[[str], None] = field(default=lambda line: None, init=False, repr=False)
    process_id: int = field(default=0, init=False)
    answer: Answer | None = field(default=None, init=False)
    given_up: bool = field(default=False, init=False)


@dataclass(frozen=True)
class Answer:
    """The response of a runtime process, or the service's own error in its place.

    Attributes:
        payload: JSON, as bytes.
        error_type: Set if it is an error.
    """

    payload: bytes = field(repr=False)
    error_type: str | None = None

    @classmethod
    def failure(cls, request_id: str, error_type: str, message: str) -> Answer:
        """An error the service itself reports."""
        text = f"RequestId: {request_id} Error: {message}"
        return cls(json.dumps({"errorType": error_type, "errorMessage": text}).encode(), error_type)

    @classmethod
    def timed_out(cls, request_id: str, seconds: float) -> Answer:
        """The answer to an invocation whose time is over."""
        message = f"Task timed out after {seconds:.2f} seconds"
        return cls.failure(request_id, "Sandbox.Timedout", message)

    def describe(self) -> str:
        """``errorType: errorMessage`` of an error."""
        try:
            body = json.loads(self.payload)
            return f"{body['errorType']}: {body['errorMessage']}"
        except (ValueError, KeyError, TypeError, RecursionError):
            return self.error_type or "no error"


def new_trace_id(now: float) -> str:
    """A new X-Ray header, for a call that came without one."""
    return f"Root=1-{int(now):08x}-{uuid.uuid4().hex[:24]};Parent={uuid.uuid4().hex[:16]};Sampled=0"
