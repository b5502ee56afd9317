"""One invocation of a function: what is tried again, and what never is."""

from __future__ import annotations

import base64
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ReadTimeoutError,
    SSOError,
    TokenRetrievalError,
)

from temporal_lambda.dagster.launching.config import InvocationType
from temporal_lambda.dagster.launching.redact import redacted
from temporal_lambda.errors import TemporalLambdaError

THROTTLED = 429
"""HTTP status of TooManyRequestsException: the function has not run."""

FIRST_PAUSE = 0.5
"""Seconds before the second attempt; it doubles from there, with jitter."""

LONGEST_PAUSE = 10.0
"""Seconds between two attempts at most, for what would make AWS's throttling worse."""

LONGEST_REQUEST_PAUSE = 1.0
"""Seconds between two attempts at a request about a run at most. The function may be busy with that
very run, and have room for a moment only."""


UNSENT = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    SSOError,
    TokenRetrievalError,
    ParamValidationError,
)
"""Errors of boto3 from before anything is sent."""


@dataclass(frozen=True)
class Answer:
    """What AWS answered.

    Attributes:
        status: HTTP status: 200 for RequestResponse, 202 for Event.
        request_id: Of the invocation; the function's log has it.
        executed_version: Of the function; not known for Event.
        payload: What the function returned, or its error.
        function_error: ``Handled`` or ``Unhandled`` if the function failed.
        log_tail: The last 4 KB of its log (RequestResponse only).
    """

    status: int
    request_id: str
    executed_version: str | None = None
    payload: bytes = field(default=b"", repr=False)
    function_error: str | None = None
    log_tail: str = field(default="", repr=False)


class InvokeError(TemporalLambdaError):
    """There is no answer.

    Attributes:
        may_have_run: Whether the function may have been invoked all the same.
    """

    def __init__(self, message: str, *, may_have_run: bool) -> None:
        super().__init__(message)
        self.may_have_run = may_have_run


def invoke(
    client: Any,
    function: str,
    payload: bytes,
    invocation_type: InvocationType,
    patience_seconds: float,
    keep_trying: Callable[[], bool] = lambda: True,
    refused: Callable[[], object] = lambda: None,
    sleep: Callable[[float], object] = time.sleep,
    longest_pause: float = LONGEST_PAUSE,
) -> Answer:
    """Invoke a function once.

    What is tried again has certainly not reached the function: throttled requests, and
    connections that were never made. All else may have, and is not.

    Args:
        client: A boto3 Lambda client that does not repeat requests itself.
        function: Name or ARN.
        payload: JSON.
        invocation_type: ``Event`` or ``RequestResponse``.
        patience_seconds: How long to go on trying.
        keep_trying: Asked just before each further attempt.
        refused: Called before each pause: the function was certainly not invoked so far.
        sleep: Pauses for so many seconds, or less.
        longest_pause: Seconds between two attempts at most.

    Raises:
        InvokeError: There is no answer; names the function and what AWS or the network said.
    """
    gives_up = time.monotonic() + patience_seconds
    pause = FIRST_PAUSE
    while True:
        try:
            return _once(client, function, payload, invocation_type)
        except InvokeError as error:
            left = gives_up - time.monotonic()
            if not isinstance(error, _NotInvokedError) or left <= 0:
                raise
            last = error
        refused()
        # Jitter, so that many throttled runs don't come back as one.
        sleep(min(left, pause * random.uniform(0.5, 1.0)))
        if not keep_trying():
            raise last
        pause = min(2 * pause, longest_pause)


class _NotInvokedError(InvokeError):
    """The function was certainly not invoked, and may be the next time."""

    def __init__(self, message: str) -> None:
        super().__init__(message, may_have_run=False)


def _once(client: Any, function: str, payload: bytes, invocation_type: InvocationType) -> Answer:
    log = {"LogType": "Tail"} if invocation_type == "RequestResponse" else {}
    try:
        response = client.invoke(
            FunctionName=function, InvocationType=invocation_type, Payload=payload, **log
        )
        body = response["Payload"].read()
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        message = f"AWS refused to invoke {function}: {redacted(error)}"
        if status == THROTTLED:
            raise _NotInvokedError(message) from None
        # Of a server's error it is not known how far the request came.
        raise InvokeError(message, may_have_run=status >= 500) from None
    except (ConnectTimeoutError, EndpointConnectionError) as error:
        raise _NotInvokedError(
            f"Lambda can't be reached to invoke {function}: {redacted(error)}"
        ) from None
    except ReadTimeoutError:
        raise InvokeError(
            f"{function} did not answer in time: read_timeout_seconds in the launcher's config "
            "must be above the function's timeout. The function may have done its work",
            may_have_run=True,
        ) from None
    except UNSENT as error:
        raise InvokeError(
            f"{function} was not invoked, as the request could not be made: {redacted(error)}",
            may_have_run=False,
        ) from None
    except BotoCoreError as error:
        raise InvokeError(
            f"the connection to {function} broke before its answer: {redacted(error)}. The "
            "function may have done its work",
            may_have_run=True,
        ) from None
    return Answer(
        status=response["StatusCode"],
        request_id=response["ResponseMetadata"].get("RequestId", ""),
        executed_version=response.get("ExecutedVersion"),
        payload=body,
        function_error=response.get("FunctionError"),
        log_tail=base64.b64decode(response.get("LogResult", "")).decode(errors="replace"),
    )
