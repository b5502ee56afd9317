"""What the handler returns for a run."""

from __future__ import annotations

import json
from typing import Any, Literal, Protocol

from temporal_lambda.dagster.protocol import (
    BAD_REQUEST,
    CANCELED,
    FAILED,
    NOT_FOUND,
    OK,
    RUNNING,
    Request,
    Status,
)
from temporal_lambda.dagster.serving.payload_size import without_largest
from temporal_lambda.errors import PayloadError, RunFailedError

OnError = Literal["respond", "raise", "raise_unless_awaited"]
"""Whether a run that failed is an answer with a ``statusCode`` or an error of the handler; the last
is the former where the payload says that its launcher waits for the answer."""

MAX_ANSWER_BYTES = 6_000_000
"""Just below what Lambda lets a function return (AWS's quota of 6 MB)."""

MAX_ERROR = 100_000
"""Characters of an error; what is longer is cut off."""


class Told(Protocol):
    """What an answer tells of a run beside its end: of its ops, or its events."""

    def parts(self, *, outputs: bool = True) -> dict[str, Any]:
        """Members of the answer's body, all together well below ``MAX_ANSWER_BYTES``.

        Args:
            outputs: Whether the ops' outputs belong to it; otherwise the result has them.
        """


class Nothing:
    """Nothing is told."""

    def parts(self, *, outputs: bool = True) -> dict[str, Any]:
        """See ``Told``."""
        return {}


NOTHING = Nothing()


class Answers:
    """Answers about one run.

    Args:
        on_error: What becomes of failures.
        kind: What was asked for.
        run_id: Dagster's run id, if known.
        job_name: The job, if known.
        workflow_id: The id of the workflow that runs it; ``None`` for inline runs.
    """

    def __init__(
        self,
        on_error: OnError,
        kind: Request = "run",
        run_id: str | None = None,
        job_name: str | None = None,
        workflow_id: str | None = None,
    ) -> None:
        self._on_error = on_error
        self._kind = kind
        self.workflow_id = workflow_id or ""
        known = {"run_id": run_id, "job_name": job_name, "workflow_id": workflow_id}
        self._known = {name: value for name, value in known.items() if value is not None}

    def success(self, result: Any, told: Told = NOTHING) -> dict[str, Any]:
        """The run is through.

        Args:
            result: JSON values. One that is larger than Lambda lets through is left out, since
                the run has succeeded all the same; the answer says so.
            told: What became of each op. The result has their outputs.
        """
        parts = told.parts(outputs=False)
        try:
            answer = self._answer(OK, "success", result=result, **parts)
        except (TypeError, ValueError) as error:
            return self._without_result(result, parts, f"omitted: no JSON, {error}")
        size = len(json.dumps(answer))
        if size > MAX_ANSWER_BYTES and isinstance(result, dict) and "ops_processed" in result:
            limit = MAX_ANSWER_BYTES - _json_size(parts) - 10_000
            results = without_largest(result["results"], _json_size, limit)
            omission = {**result, "results": results}
            answer = self._answer(OK, "success", result=omission, **parts)
            size = len(json.dumps(answer))
        if size > MAX_ANSWER_BYTES:
            return self._without_result(
                result,
                parts,
                f"omitted: more than the {MAX_ANSWER_BYTES} bytes a function may return",
            )
        return answer

    def _without_result(self, result: Any, parts: dict[str, Any], omitted: str) -> dict[str, Any]:
        omission: Any = omitted
        if isinstance(result, dict) and "ops_processed" in result:
            omission = {"ops_processed": result["ops_processed"], "results": omitted}
        return self._answer(OK, "success", result=omission, **parts)

    def running(
        self,
        pinned_to: str | None = None,
        told: Told = NOTHING,
        *,
        elsewhere: bool = False,
    ) -> dict[str, Any]:
        """The run is not over yet.

        Args:
            pinned_to: The build that alone can go on with it, if it is not this one.
            told: What became of each op so far.
            elsewhere: Whether another invocation works for it.
        """
        more: dict[str, Any] = {"pinned_to": pinned_to} if pinned_to else {}
        if elsewhere:
            more["elsewhere"] = True
        return self._answer(RUNNING, "running", **more, **told.parts())

    def failed(self, error: str, told: Told = NOTHING) -> dict[str, Any]:
        """The run failed.

        Args:
            error: Why.
            told: What became of each op.

        Raises:
            RunFailedError: Errors are to be raised.
        """
        self._raise(RunFailedError(error))
        return self._answer(FAILED, "error", error=_bounded(error), **told.parts())

    def canceled(self, told: Told = NOTHING) -> dict[str, Any]:
        """The run was canceled; that is a success if it is what was asked for.

        Args:
            told: What became of each op.

        Raises:
            RunFailedError: It was not, and errors are to be raised.
        """
        if self._kind == "cancel":
            return self._answer(OK, "canceled", **told.parts())
        self._raise(RunFailedError("the run was canceled"))
        return self._answer(CANCELED, "canceled", **told.parts())

    def refused(self, error: PayloadError) -> dict[str, Any]:
        """The payload can't be served.

        Raises:
            PayloadError: Errors are to be raised.
        """
        self._raise(error)
        return self._answer(BAD_REQUEST, "error", error=_bounded(str(error)))

    def unknown(self) -> dict[str, Any]:
        """A question about a run that was never started here, or so long ago it is forgotten."""
        return self._answer(NOT_FOUND, "error", error="no such run is known here")

    def _raise(self, error: Exception) -> None:
        # A question about a run is answered, whatever the answer: that is no failure of a run.
        if self._on_error == "raise" and self._kind == "run":
            raise error

    def _answer(self, code: int, status: Status, **more: Any) -> dict[str, Any]:
        body = {**self._known, "status": status, **more}
        return {"statusCode": code, "body": json.dumps(body, allow_nan=False)}


def _json_size(value: Any) -> int:
    # As text in the body, which is text in the answer.
    return len(json.dumps(json.dumps(value))) + len(", ")


def _bounded(error: str) -> str:
    return error if len(error) <= MAX_ERROR else f"{error[:MAX_ERROR]}… ({len(error)} characters)"
