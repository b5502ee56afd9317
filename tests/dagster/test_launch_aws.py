"""How the launcher comes to its AWS clients."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import boto3
import pytest
from botocore.exceptions import NoRegionError
from moto.server import ThreadedMotoServer

from temporal_lambda.dagster.dagster_internals import DagsterLaunchFailedError
from temporal_lambda.dagster.launching import sessions
from temporal_lambda.dagster.launching.clients import Clients
from temporal_lambda.dagster.launching.config import AssumeRole, AwsConfig
from temporal_lambda.dagster.launching.sessions import Sessions
from tests.dagster.dagster_fixtures import Dagster, Lambda, aws_values, sync

ROLE = "arn:aws:iam::123456789012:role/invoker"


@pytest.fixture(scope="module")
def sts() -> Iterator[str]:
    """Address of an STS."""
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def test_no_request_is_ever_repeated_by_boto3(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "7")
    monkeypatch.setenv("AWS_RETRY_MODE", "adaptive")
    config = Clients(AwsConfig(region="us-east-1"), 3, 50).get(None, 930).meta.config
    assert config.retries == {"total_max_attempts": 1, "mode": "standard"}
    assert (config.connect_timeout, config.read_timeout) == (3, 930)
    assert config.tcp_keepalive
    assert config.max_pool_connections == 50


def test_clients_are_kept_per_region_and_timeout() -> None:
    made: list[tuple[str | None, int]] = []
    kept = Clients(AwsConfig(), 1, 1, lambda *asked: made.append(asked))
    for asked in [(None, 9), ("eu-west-1", 9), (None, 9), (None, 3)]:
        kept.get(*asked)
    assert made == [(None, 9), ("eu-west-1", 9), (None, 3)]


def test_regions_share_a_session_which_is_what_is_large() -> None:
    kept = Clients(AwsConfig(region="us-east-1"), 1, 1)
    first, second = (kept.get(region, 9) for region in ("eu-west-1", "ap-south-2"))
    assert credentials(first) is credentials(second)
    assert kept._sessions
    assert kept._sessions.current() is kept._session


def test_slow_sts_stops_no_thread_that_has_valid_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = Sessions(AwsConfig(), 1)
    begun, go = threading.Event(), threading.Event()
    soon = datetime.now(timezone.utc) + timedelta(minutes=1)
    later = soon + timedelta(hours=1)
    kept._current = sessions._Current("valid", soon)

    def slow() -> sessions._Current:
        begun.set()
        assert go.wait(10)
        return sessions._Current("new", later)

    monkeypatch.setattr(kept, "_make", slow)
    replacing = threading.Thread(target=kept.current)
    replacing.start()
    assert begun.wait(5)
    assert kept.current() == "valid"
    go.set()
    replacing.join(5)
    assert kept.current() == "new"


@pytest.mark.server
def test_role_is_assumed_and_assumed_anew_before_it_expires(
    sts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws = AwsConfig(
        region="us-east-1",
        sts_endpoint_url=sts,
        access_key_id="own",
        secret_access_key="own",
        assume_role=AssumeRole(ROLE, external_id="dagster", session_name="tests"),
    )
    kept = Clients(aws, 1, 1)
    first = kept.get(None, 9)
    assert kept.get(None, 9) is first
    assert kept.get("eu-west-1", 9).meta.region_name == "eu-west-1"
    key = access_key(first)
    assert key == access_key(kept.get("eu-west-1", 9)) != "own"
    assert who(sts, first) == "arn:aws:sts::123456789012:assumed-role/invoker/tests"

    later = datetime.now(timezone.utc) + timedelta(minutes=56)

    class Later(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return later

    monkeypatch.setattr(sessions, "datetime", Later)
    assert access_key(kept.get(None, 9)) != key


def access_key(client: Any) -> str:
    return str(credentials(client).access_key)


def credentials(client: Any) -> Any:
    """What a client signs with."""
    return client._request_signer._credentials


def who(sts: str, client: Any) -> str:
    found = credentials(client)
    asking = boto3.client(
        "sts",
        endpoint_url=sts,
        region_name="us-east-1",
        aws_access_key_id=found.access_key,
        aws_secret_access_key=found.secret_key,
        aws_session_token=found.token,
    )
    return str(asking.get_caller_identity()["Arn"])


@pytest.mark.server
def test_run_is_invoked_under_a_role(dagster: Dagster, aws: Lambda, sts: str) -> None:
    role = {"sts_endpoint_url": sts, "assume_role": {"role_arn": ROLE}}
    run_id = dagster.launch(sync("echo"), aws={**aws_values(aws.endpoint), **role})
    dagster.succeeded(run_id)


@pytest.mark.server
def test_role_that_can_not_be_assumed_is_a_launch_error_without_secrets(
    dagster: Dagster, aws: Lambda
) -> None:
    role = {"sts_endpoint_url": "http://127.0.0.1:9", "assume_role": {"role_arn": ROLE}}
    values = {**aws_values(aws.endpoint), **role, "secret_access_key": "s3cret"}
    with pytest.raises(DagsterLaunchFailedError, match="can't be launched on Lambda") as raised:
        dagster.launch(sync("echo"), aws=values)
    shown = "".join(traceback.format_exception(raised.value))
    assert "s3cret" not in shown


def test_missing_region_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(NoRegionError):
        Clients(AwsConfig(), 1, 1).get(None, 9)


def test_static_credentials_are_not_shown() -> None:
    shown = repr(AwsConfig(access_key_id="AKIA", secret_access_key="s3cret", session_token="tok"))
    assert not any(secret in shown for secret in ("AKIA", "s3cret", "tok="))
