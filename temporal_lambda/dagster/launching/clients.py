"""boto3 clients of the Lambda API, made once per region and timeout."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from temporal_lambda.dagster.launching.config import AwsConfig
from temporal_lambda.dagster.launching.invoke import InvokeError
from temporal_lambda.dagster.launching.redact import redacted
from temporal_lambda.dagster.launching.sessions import Sessions

ClientFactory = Callable[[str | None, int], Any]
"""Makes a Lambda client for a region (``None``: the default) and a read timeout in seconds."""


class Clients:
    """Keeps clients; safe to use from several threads.

    No client ever repeats a request by itself: a function that was only slow would run again.

    Args:
        config: How AWS is reached.
        connect_timeout_seconds: How long making a connection may take.
        max_connections: How many requests are under way at once.
        factory: Makes the clients instead, for tests and for what this configuration can't say.

    Example:
        >>> clients = Clients(AwsConfig(region="eu-west-1"), 10, 50)
        >>> clients.get(None, 930).meta.region_name
        'eu-west-1'
        >>> clients.get("us-east-1", 930).meta.region_name
        'us-east-1'
    """

    def __init__(
        self,
        config: AwsConfig,
        connect_timeout_seconds: int,
        max_connections: int,
        factory: ClientFactory | None = None,
    ) -> None:
        self._config = config
        self._connect_timeout = connect_timeout_seconds
        self._max_connections = max_connections
        self._factory = factory or self._make
        self._sessions = Sessions(config, connect_timeout_seconds)
        self._own_clients = factory is None
        self._session: Any = None
        self._clients: dict[tuple[str | None, int], Any] = {}
        self._lock = threading.Lock()

    def get(self, region: str | None, read_timeout_seconds: int) -> Any:
        """A client; the same one for the same arguments, until its credentials near their end.

        Args:
            region: ``None`` for the configured one.
            read_timeout_seconds: How long an answer is awaited.

        Raises:
            botocore.exceptions.BotoCoreError: No region or no credentials are to be found.
            botocore.exceptions.ClientError: The role can't be assumed.
        """
        session = self._sessions.current() if self._own_clients else None
        with self._lock:
            if session is not self._session:
                self._session = session
                self._clients.clear()
            key = (region, read_timeout_seconds)
            if key not in self._clients:
                self._clients[key] = self._factory(region, read_timeout_seconds)
            return self._clients[key]

    def to_invoke(self, function: str, region: str | None, read_timeout_seconds: int) -> Any:
        """Get the client for an invocation; without one, the error says that none was made.

        Args:
            function: The function to invoke, named in the error.
            region: Its AWS region; ``None`` for the configured one.
            read_timeout_seconds: How many seconds an answer is awaited.

        Raises:
            InvokeError: There is no client, so the function was not invoked.
        """
        try:
            return self.get(region, read_timeout_seconds)
        except (BotoCoreError, ClientError) as error:
            raise InvokeError(
                f"{function} was not invoked, as there is no client for Lambda: {redacted(error)}",
                may_have_run=False,
            ) from None

    def s3(self) -> Any:
        """A client of S3 in the configured region; made anew, since it is hardly ever needed.

        Raises:
            botocore.exceptions.BotoCoreError: No region or no credentials are to be found.
            botocore.exceptions.ClientError: The role can't be assumed.
        """
        session = self._sessions.current()
        with self._lock:
            return session.client(
                "s3",
                region_name=self._config.region,
                endpoint_url=self._config.s3_endpoint_url,
                config=Config(connect_timeout=self._connect_timeout, read_timeout=30),
            )

    def _make(self, region: str | None, read_timeout_seconds: int) -> Any:
        return self._session.client(
            "lambda",
            region_name=region or self._config.region,
            endpoint_url=self._config.endpoint_url,
            config=Config(
                connect_timeout=self._connect_timeout,
                read_timeout=read_timeout_seconds,
                tcp_keepalive=True,
                max_pool_connections=self._max_connections,
                # Said in full, since max_attempts can also come from the environment.
                retries={"total_max_attempts": 1, "mode": "standard"},
            ),
        )
