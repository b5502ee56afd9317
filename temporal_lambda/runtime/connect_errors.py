"""Where a client connects to, and the errors of a failure to do so, without credentials."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from temporalio.client import Client
from temporalio.service import ConnectConfig, RPCError

from temporal_lambda.errors import ConnectError

DEFAULT_ADDRESS = "localhost:7233"
"""temporalio's default."""

SHORTEST = 6
"""Characters below which a header's value is no credential, and may stand anywhere in a message."""

REFUSED = ("Unauthenticated", "PermissionDenied")
NO_NAMESPACE = "NotFound"

# Compiled where they are used: every cold start would pay for it, and few have an error.
_STATUS = r'(?s)Status \{ code: (?P<code>\w+), message: "(?P<message>(?:[^"\\]|\\.)*)".*'

_BEARER = r"(?i)bearer\s+[^\s\"']+"
"""A credential as it stands in a request's header, wherever the request has it from."""


class Target(NamedTuple):
    """A server and a namespace.

    Args:
        address: ``host:port``.
        namespace: The namespace.
        secrets: API key and headers, which no message may show.

    Example:
        >>> str(Target("localhost:7233", "default"))
        'the Temporal server at localhost:7233, namespace default,'
    """

    address: str
    namespace: str
    secrets: tuple[str, ...] = ()

    @classmethod
    def of(cls, connect_config: Mapping[str, Any]) -> Target:
        """The target of keyword arguments for ``Client.connect``."""
        return cls(
            connect_config.get("target_host") or DEFAULT_ADDRESS,
            connect_config.get("namespace") or "default",
        )

    @classmethod
    def of_client(cls, client: Client) -> Target:
        """The target of a connected client."""
        config = client.service_client.config
        return cls(config.target_host, client.namespace).with_secrets_of(config)

    def with_secrets_of(self, config: ConnectConfig) -> Target:
        """This target, with messages that show neither the API key nor the value of a header."""
        headers = [
            text
            for text in config.rpc_metadata.values()
            if isinstance(text, str) and len(text) >= SHORTEST
        ]
        key = [config.api_key] if config.api_key else []
        return self._replace(secrets=(*key, *headers))

    def __str__(self) -> str:
        return f"the Temporal server at {self.address}, namespace {self.namespace},"

    def __repr__(self) -> str:
        return f"Target({self.address!r}, {self.namespace!r})"

    def error_for(self, error: BaseException) -> ConnectError:
        """The error to raise for one of the SDK's.

        Example:
            >>> Target("localhost:7233", "live").error_for(RuntimeError("Connection refused"))
            ConnectError("the Temporal server at localhost:7233, namespace live, can't be reached: \
Connection refused. Check the address, the security group or VPC route, and TLS.")
        """
        message, code = re.sub(_BEARER, "Bearer ***", brief(error)), status_code(error)
        for secret in self.secrets:
            message = message.replace(secret, "***")
        if code in REFUSED:
            refusal = ConnectError(
                f"{self} refuses this worker: {message}. Check the API key or the client "
                "certificate, and whether it is valid for this namespace."
            )
            refusal.refused = True
            return refusal
        if code == NO_NAMESPACE:
            return ConnectError(
                f"{self} can't be used: {message}. Check the namespace's name and the address."
            )
        return ConnectError(
            f"{self} can't be reached: {message}. "
            "Check the address, the security group or VPC route, and TLS."
        )

    def no_answer(self, seconds: float) -> ConnectError:
        """The error to raise when there was no answer in time."""
        return ConnectError(
            f"{self} did not answer within the {seconds:.1f} s this invocation could wait. "
            "Check the address, the security group or VPC route, and TLS."
        )


def status_code(error: BaseException) -> str | None:
    """The gRPC status in an error of the SDK's core, ``None`` if it has none.

    Example:
        >>> status_code(RuntimeError('Poll failed: Status { code: NotFound, message: "gone" }'))
        'NotFound'
    """
    if isinstance(error, RPCError):
        return "".join(word.capitalize() for word in error.status.name.split("_"))
    found = re.search(_STATUS, str(error))
    return found["code"] if found else None


def brief(error: BaseException) -> str:
    """An error of the SDK's core in one line, without details, metadata and backtrace.

    Example:
        >>> brief(RuntimeError("Connection refused\\n\\nStack backtrace:\\n 0: std::..."))
        'Connection refused'
        >>> brief(RuntimeError('Failed: Status { code: NotFound, message: "gone", details: b"" }'))
        'Failed: gone (NotFound)'
    """
    text = str(error).partition("Stack backtrace")[0]
    plain = re.sub(_STATUS, lambda found: f"{found['message']} ({found['code']})", text)
    return plain.strip(" .\n")
