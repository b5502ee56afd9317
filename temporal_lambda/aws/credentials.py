"""A Temporal connection's credentials, from AWS."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from temporalio.service import TLSConfig

from temporal_lambda.aws.reference import Reference
from temporal_lambda.aws.secrets import DEFAULT_TTL, Secrets
from temporal_lambda.errors import SettingsError
from temporal_lambda.settings.credentials import HiddenBytes, HiddenText

TLS_FIELDS = {
    "client_cert": "client_cert",
    "client_key": "client_private_key",
    "server_ca": "server_root_ca_cert",
}
"""What a certificate or key is to temporalio's ``TLSConfig``."""


class SecretCredentials:
    """Puts an API key, or the parts of mTLS, into a connection's settings.

    Make one at module level, so that its cache outlives the invocation. A rotated API key costs no
    new connection; another certificate does.

    Args:
        api_key: Names the secret of the API key.
        client_cert: Names that of the client's certificate, PEM.
        client_key: Names that of its private key, PEM.
        server_ca: Names that of the authority that the server's certificate is checked with, PEM.
        ttl: How long values are kept; at most half the time that two keys are valid together.

    Raises:
        SettingsError: A name has none of the forms, or one of certificate and key is missing.

    Example:
        ```python
        CREDENTIALS = SecretCredentials(api_key="temporal/production#api_key")

        def configure(config: LambdaWorkerConfig) -> None:
            config.credentials = CREDENTIALS
        ```
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        client_cert: str | None = None,
        client_key: str | None = None,
        server_ca: str | None = None,
        ttl: timedelta = DEFAULT_TTL,
    ) -> None:
        if bool(client_cert) != bool(client_key):
            raise SettingsError("client_cert and client_key are given together")
        names = {
            "api_key": api_key,
            "client_cert": client_cert,
            "client_key": client_key,
            "server_ca": server_ca,
        }
        self._references = {
            part: Reference.parse(name) for part, name in names.items() if name is not None
        }
        self._secrets = Secrets(ttl)
        self._last: dict[str, HiddenText] = {}

    async def apply(self, connect: MutableMapping[str, Any]) -> None:
        """Put the credentials into keyword arguments for ``Client.connect``.

        What is set there already, an API key or a part of the TLS settings, stays.

        Args:
            connect: For instance ``config.client_connect_config``.

        Raises:
            SecretError: One of them can't be read.
        """
        self._last = await self._fetch(refresh=False)
        self._put(connect, self._last)

    async def refresh(self, connect: MutableMapping[str, Any]) -> bool:
        """Ask AWS for newer ones, after the server has refused those from the cache.

        Args:
            connect: As for :py:meth:`apply`; those that this object put there are replaced.

        Returns:
            Whether any is new, so that it is worth another try.

        Raises:
            SecretError: One of them can't be read.
        """
        before, self._last = self._last, await self._fetch(refresh=True)
        if before == self._last:
            return False
        if "api_key" in before and connect.get("api_key") == before["api_key"].strip():
            connect.pop("api_key", None)
        tls = connect.get("tls")
        if isinstance(tls, TLSConfig):
            ours = [TLS_FIELDS[part] for part in before if part in TLS_FIELDS]
            connect["tls"] = replace(tls, **dict.fromkeys(ours))
        self._put(connect, self._last)
        return True

    async def _fetch(self, *, refresh: bool) -> dict[str, HiddenText]:
        values = await asyncio.gather(
            *(self._secrets.get(name, refresh=refresh) for name in self._references.values())
        )
        return dict(zip(self._references, values, strict=True))

    def _put(self, connect: MutableMapping[str, Any], values: dict[str, HiddenText]) -> None:
        if "api_key" in values and not connect.get("api_key"):
            connect["api_key"] = HiddenText(values["api_key"].strip())
        parts: dict[str, Any] = {
            TLS_FIELDS[part]: HiddenBytes(value.encode())
            for part, value in values.items()
            if part in TLS_FIELDS
        }
        if not parts:
            return
        tls = connect.get("tls")
        base = tls if isinstance(tls, TLSConfig) else TLSConfig()
        connect["tls"] = replace(
            base, **{name: value for name, value in parts.items() if not getattr(base, name)}
        )
