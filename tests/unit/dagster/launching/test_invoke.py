"""Which invocations are tried again, and which never are."""

from __future__ import annotations

import io
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ReadTimeoutError,
)

from temporal_lambda.dagster.launching import invoke as invoking
from temporal_lambda.dagster.launching.invoke import InvokeError, invoke


class Client:
    """Does what it is told to, one after the other."""

    def __init__(self, *does: Exception | dict[str, Any]) -> None:
        self.does = list(does)
        self.asked: list[dict[str, Any]] = []

    def invoke(self, **asked: Any) -> Any:
        self.asked.append(asked)
        what = self.does.pop(0)
        if isinstance(what, Exception):
            raise what
        return what


def refused(status: int, code: str) -> ClientError:
    return ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Invoke"
    )


def fine() -> dict[str, Any]:
    metadata = {"RequestId": "id"}
    return {"StatusCode": 200, "ResponseMetadata": metadata, "Payload": io.BytesIO(b"{}")}


@pytest.fixture
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invoking, "FIRST_PAUSE", 0.001)


@pytest.mark.usefixtures("no_pauses")
@pytest.mark.parametrize(
    "error",
    [
        refused(429, "TooManyRequestsException"),
        ConnectTimeoutError(endpoint_url="here"),
        EndpointConnectionError(endpoint_url="here"),
    ],
)
def test_what_has_not_reached_the_function_is_tried_again(error: Exception) -> None:
    client = Client(error, error, fine())
    assert invoke(client, "f", b"{}", "RequestResponse", 5).request_id == "id"
    assert len(client.asked) == 3

    client = Client(error, fine())
    with pytest.raises(InvokeError) as raised:
        invoke(client, "f", b"{}", "RequestResponse", 5, keep_trying=lambda: False)
    assert not raised.value.may_have_run
    assert len(client.asked) == 1


@pytest.mark.parametrize(
    ("error", "may_have_run"),
    [
        (ReadTimeoutError(endpoint_url="here"), True),
        (ConnectionClosedError(endpoint_url="here"), True),
        (refused(500, "ServiceException"), True),
        (refused(404, "ResourceNotFoundException"), False),
        (refused(413, "RequestTooLargeException"), False),
        (NoCredentialsError(), False),
        (PartialCredentialsError(provider="env", cred_var="aws_secret_access_key"), False),
        (CredentialRetrievalError(provider="process", error_msg="exit 1"), False),
        (ParamValidationError(report="no such parameter"), False),
    ],
)
def test_what_may_have_reached_the_function_is_never_tried_again(
    error: Exception, may_have_run: bool
) -> None:
    client = Client(error, fine())
    with pytest.raises(InvokeError, match=r"\bf\b") as raised:
        invoke(client, "f", b"{}", "RequestResponse", 5)
    assert raised.value.may_have_run is may_have_run
    assert len(client.asked) == 1


def test_log_is_asked_for_where_there_is_one() -> None:
    client = Client(fine(), fine())
    invoke(client, "f", b"{}", "RequestResponse", 0)
    invoke(client, "f", b"{}", "Event", 0)
    assert [asked.get("LogType") for asked in client.asked] == ["Tail", None]
