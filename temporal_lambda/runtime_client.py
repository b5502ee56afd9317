"""The native client of ``awslambdaric``, written in Python, for systems on which AWS builds none.

``python -m temporal_lambda.runtime_client module.attribute`` runs ``awslambdaric`` with this module
in the place of its extension ``runtime_client``, which exists for Linux alone. All else is AWS's
own code: the bootstrap, the context, the log and the errors.
"""

from __future__ import annotations

import http.client
import os
import runpy
import sys
from typing import Any

INVOCATION = "/2018-06-01/runtime/invocation"
"""Path of the Runtime API (AWS: "Using the Lambda runtime API for custom runtimes")."""

_user_agent = ""


def initialize_client(user_agent: str) -> None:
    """Called once, before anything else.

    Args:
        user_agent: What to send as ``User-Agent``.
    """
    global _user_agent
    _user_agent = user_agent


def next() -> tuple[bytes, dict[str, Any]]:
    """Ask for an invocation, and wait for it without a limit.

    Returns:
        The event, and the response's headers: the deadline as a number, ``None`` for those that
        are missing.

    Raises:
        RuntimeError: The Runtime API can't be reached, or refuses.
    """
    status, headers, event = _request("GET", f"{INVOCATION}/next")
    if status != http.client.OK:
        raise RuntimeError(f"Failed to get next: status {status}")
    found: dict[str, Any] = {name: headers.get(name) for name in HEADERS}
    return event, {**found, DEADLINE: int(headers[DEADLINE])}


def post_invocation_result(
    invoke_id: str, result: bytes, content_type: str, invocation_id: str | None = None
) -> None:
    """Answer an invocation.

    Args:
        invoke_id: Its request id.
        result: What the handler returned.
        content_type: The result's media type.
        invocation_id: Of no use here; newer versions of ``awslambdaric`` pass it.

    Raises:
        RuntimeError: The Runtime API can't be reached, or refuses the answer.
    """
    _post(f"{INVOCATION}/{invoke_id}/response", result, {"Content-Type": content_type})


def post_error(
    invoke_id: str, error: str, xray_fault: str, invocation_id: str | None = None
) -> None:
    """Tell that an invocation has failed.

    Args:
        invoke_id: Its request id.
        error: The error, as JSON.
        xray_fault: The error as X-Ray wants it; not sent, since there is no X-Ray here.
        invocation_id: Of no use here; newer versions of ``awslambdaric`` pass it.

    Raises:
        RuntimeError: The Runtime API can't be reached, or refuses the error.
    """
    _post(f"{INVOCATION}/{invoke_id}/error", error.encode(), {"Content-Type": "application/json"})


DEADLINE = "Lambda-Runtime-Deadline-Ms"

HEADERS = (
    "Lambda-Runtime-Aws-Request-Id",
    "Lambda-Runtime-Trace-Id",
    "Lambda-Runtime-Invoked-Function-Arn",
    "Lambda-Runtime-Client-Context",
    "Lambda-Runtime-Cognito-Identity",
    "Lambda-Runtime-Aws-Tenant-Id",
    "Lambda-Runtime-Invocation-Id",
    "Content-Type",
)
"""Headers that ``awslambdaric`` looks at, besides the deadline."""


def _post(path: str, body: bytes, headers: dict[str, str]) -> None:
    status, _, said = _request("POST", path, body, headers)
    if status != http.client.ACCEPTED:
        raise RuntimeError(f"Failed to post invocation response: status {status}, {said[:200]!r}")


def _request(
    method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> tuple[int, http.client.HTTPMessage, bytes]:
    """One request on a connection of its own: a freeze between two leaves none open."""
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    try:
        connection.request(method, path, body, {"User-Agent": _user_agent, **(headers or {})})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise RuntimeError(f"The Runtime API does not answer: {error!r}") from error
    finally:
        connection.close()


if __name__ == "__main__":
    sys.modules["runtime_client"] = sys.modules[__name__]
    # The handler's module finds the same names in __main__ as with awslambdaric alone.
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
