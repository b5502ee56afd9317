"""A Temporal connection's credentials, from AWS."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, MutableMapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from temporalio.service import TLSConfig

from temporal_lambda.aws.reference import Reference
from temporal_lambda.aws.secrets import DEFAULT_TTL, LEAST_TTL, Secrets
from temporal_lambda.errors import SettingsError
from temporal_lambda.settings.credentials import HiddenBytes, HiddenText
from temporal_lambda.settings.sources import Settings

API_KEY = "api_key"
TLS_FIELDS = {
    "client_cert": "client_cert",
    "client_key": "client_private_key",
    "server_ca": "server_root_ca_cert",
}
"""What a certificate or key is to temporalio's ``TLSConfig``."""

PARTS = (API_KEY, *TLS_FIELDS)
"""What can be kept as a secret; the setting of each ends with ``_secret``."""


class SecretCredentials:
    """Puts an API key, or the parts of mTLS, into a connection's settings.

    Make one at module level, so that its cache outlives the invocation; or use the settings
    ``api_key_secret`` and so on, which do without code. A rotated API key costs no new connection;
    another certificate does.

    Args:
        api_key: Names the secret of the API key.
        client_cert: Names that of the client's certificate, PEM.
        client_key: Names that of its private key, PEM.
        server_ca: Names that of the authority that the server's certificate is checked with, PEM.
        ttl: How long values are kept; at most half the time that two keys are valid together.

    Attributes:
        ttl: As given, and at least a second.

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
        names = dict(zip(PARTS, (api_key, client_cert, client_key, server_ca), strict=True))
        self._references = {
            part: _parsed(part, name) for part, name in names.items() if name is not None
        }
        self._secrets = Secrets(ttl)
        self._last: dict[str, HiddenText] = {}
        self.ttl = max(ttl, LEAST_TTL)

    @classmethod
    def of(cls, settings: Settings) -> SecretCredentials:
        """Those that the settings ``api_key_secret`` and so on name.

        Also imports what reading them takes, so that no invocation has to wait for that.

        Raises:
            SettingsError: A name has none of the forms, or one of certificate and key is missing.
            MissingExtraError: The extra ``aws`` is not installed.
        """
        names = {part: settings.value(f"{part}_secret") for part in PARTS}
        credentials = cls(**names, ttl=settings.value("secrets_ttl"))
        credentials._secrets.load()
        return credentials

    async def apply(self, connect: MutableMapping[str, Any]) -> None:
        """Put the credentials into keyword arguments for ``Client.connect``.

        What is set there already, an API key or a part of the TLS settings, stays, and is not asked
        for.

        Args:
            connect: For instance ``config.client_connect_config``.

        Raises:
            SecretError: One of them can't be read.
        """
        wanted = [part for part in self._references if not _is_set(connect, part)]
        self._last = await self._fetch(wanted, refresh=False)
        _put(connect, self._last)

    async def refresh(self, connect: MutableMapping[str, Any]) -> bool:
        """Ask AWS for newer ones, before those from the cache are old, or after a refusal.

        Args:
            connect: As for :py:meth:`apply`; those that this object put there are replaced.

        Returns:
            Whether any is new, so that it is worth another try.

        Raises:
            SecretError: One of them can't be read.
        """
        before, self._last = self._last, await self._fetch(self._last, refresh=True)
        if before == self._last:
            return False
        if API_KEY in before and connect.get(API_KEY) == before[API_KEY].strip():
            connect.pop(API_KEY, None)
        tls = connect.get("tls")
        if isinstance(tls, TLSConfig):
            ours = [TLS_FIELDS[part] for part in before if part in TLS_FIELDS]
            connect["tls"] = replace(tls, **dict.fromkeys(ours))
        _put(connect, self._last)
        return True

    async def _fetch(self, parts: Iterable[str], *, refresh: bool) -> dict[str, HiddenText]:
        wanted = list(parts)
        values = await asyncio.gather(
            *(self._secrets.get(self._references[part], refresh=refresh) for part in wanted)
        )
        return dict(zip(wanted, values, strict=True))


def _parsed(part: str, name: str) -> Reference:
    try:
        return Reference.parse(name)
    except SettingsError as error:
        raise SettingsError(f"the secret of {part}: {error}") from None


def _is_set(connect: MutableMapping[str, Any], part: str) -> bool:
    if part == API_KEY:
        return bool(connect.get(API_KEY))
    return bool(getattr(connect.get("tls"), TLS_FIELDS[part], None))


def _put(connect: MutableMapping[str, Any], values: dict[str, HiddenText]) -> None:
    if API_KEY in values and not connect.get(API_KEY):
        connect[API_KEY] = HiddenText(values[API_KEY].strip())
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
