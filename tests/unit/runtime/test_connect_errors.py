"""What is told of a server that can't be used."""

from __future__ import annotations

import pytest
from temporalio.service import RPCError, RPCStatusCode

from temporal_lambda.runtime.connect_errors import Target, brief, status_code

TARGET = Target("temporal.example.com:7233", "live", secrets=("top-secret",))
STATUS = 'Poll failed: Status { code: CODE, message: "no \\"such\\" top-secret", details: b"x" }'


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("Unauthenticated", "refuses this worker"),
        ("PermissionDenied", "refuses this worker"),
        ("NotFound", "can't be used"),
        ("Unavailable", "can't be reached"),
    ],
)
def test_error_says_what_to_check_and_hides_the_key(code: str, told: str) -> None:
    error = RuntimeError(STATUS.replace("CODE", code))
    assert status_code(error) == code
    message = str(TARGET.error_for(error))
    assert message.startswith(
        f"the Temporal server at temporal.example.com:7233, namespace live, {told}: "
        f'Poll failed: no \\"such\\" *** ({code}). Check '
    )


def test_credential_of_any_origin_is_hidden() -> None:
    error = RPCError("not known: Bearer from-a-plugin", RPCStatusCode.UNAUTHENTICATED, b"")
    message = str(Target("h:1", "live").error_for(error))
    assert "refuses this worker: not known: Bearer ***. Check" in message


def test_target_shows_no_key() -> None:
    assert "top-secret" not in f"{TARGET} {TARGET!r} {TARGET.no_answer(1.0)}"


def test_target_defaults_are_the_sdks() -> None:
    assert Target.of({}) == Target("localhost:7233", "default")


def test_other_errors_are_told_as_they_are() -> None:
    assert brief(RuntimeError("Connection refused.")) == "Connection refused"
    assert status_code(RuntimeError("Connection refused")) is None
