"""boto3 sessions with the credentials that functions are invoked with."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

import boto3
from botocore.config import Config

from temporal_lambda.dagster.launching.config import AwsConfig

REFRESH_BEFORE = timedelta(minutes=5)
"""How long before a role's credentials expire they are replaced."""


class _Current(NamedTuple):
    session: Any
    expires: datetime | None

    def lasts(self, at_least: timedelta) -> bool:
        return self.expires is None or datetime.now(timezone.utc) + at_least < self.expires


class Sessions:
    """Keeps one session per set of credentials; safe to use from several threads.

    A session is what is large about a client, so all regions share it. While one thread assumes the
    role anew, the others go on with the credentials there are, for as long as these are valid.

    Args:
        config: How AWS is reached.
        connect_timeout_seconds: How long making a connection may take.

    Example:
        >>> sessions = Sessions(AwsConfig(region="eu-west-1"), 10)
        >>> sessions.current() is sessions.current()
        True
    """

    def __init__(self, config: AwsConfig, connect_timeout_seconds: int) -> None:
        self._config = config
        self._connect_timeout = connect_timeout_seconds
        self._current: _Current | None = None
        self._making = threading.Lock()

    def current(self) -> Any:
        """The session to make clients with; another one after its credentials were replaced.

        Raises:
            botocore.exceptions.BotoCoreError: STS can't be reached.
            botocore.exceptions.ClientError: The role can't be assumed.
        """
        current = self._current
        if current and current.lasts(REFRESH_BEFORE):
            return current.session
        # Only those wait for STS that have no valid credentials.
        if not self._making.acquire(blocking=not (current and current.lasts(timedelta()))):
            assert current is not None
            return current.session
        try:
            current = self._current
            if current is None or not current.lasts(REFRESH_BEFORE):
                current = self._current = self._make()
            return current.session
        finally:
            self._making.release()

    def _make(self) -> _Current:
        role = self._config.assume_role
        given = {
            "aws_access_key_id": self._config.access_key_id,
            "aws_secret_access_key": self._config.secret_access_key,
            "aws_session_token": self._config.session_token,
        }
        session = boto3.session.Session(**{k: v for k, v in given.items() if v is not None})
        if role is None:
            return _Current(session, None)
        sts = session.client(
            "sts",
            region_name=self._config.region,
            endpoint_url=self._config.sts_endpoint_url,
            config=Config(
                connect_timeout=self._connect_timeout,
                retries={"total_max_attempts": 3, "mode": "standard"},
            ),
        )
        external = {"ExternalId": role.external_id} if role.external_id else {}
        credentials = sts.assume_role(
            RoleArn=role.role_arn, RoleSessionName=role.session_name, **external
        )["Credentials"]
        assumed = boto3.session.Session(
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials["SessionToken"],
        )
        return _Current(assumed, credentials["Expiration"])
