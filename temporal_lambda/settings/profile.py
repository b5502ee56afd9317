"""Temporal's own connection profile: ``[profile.*]``, ``TEMPORAL_ADDRESS`` and similar variables.

:py:mod:`temporalio.envconfig` reads it and ignores what it does not know. What can't have been
meant is told here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from temporalio.envconfig import ClientConfigProfile

from temporal_lambda.errors import SettingsError
from temporal_lambda.settings.credentials import hide_credentials
from temporal_lambda.settings.nearest import nearest
from temporal_lambda.settings.table import SETTINGS, variable

logger = logging.getLogger("temporal_lambda.settings")

KEYS = ("address", "namespace", "api_key", "tls", "codec", "grpc_meta")
"""What a profile may hold."""

TLS_KEYS = (
    "disabled",
    "server_name",
    "disable_host_verification",
    *(
        f"{name}_{source}"
        for name in ("server_ca_cert", "client_cert", "client_key")
        for source in ("path", "data")
    ),
)

VARIABLES = (
    "CONFIG_FILE",
    "PROFILE",
    "ADDRESS",
    "NAMESPACE",
    "API_KEY",
    "CODEC_ENDPOINT",
    "CODEC_AUTH",
    "TLS",
    *(f"TLS_{key.upper()}" for key in TLS_KEYS if key != "disabled"),
    *(variable(setting).removeprefix("TEMPORAL_") for setting in SETTINGS),
)
"""What follows ``TEMPORAL_`` in the variables that mean something."""

ALIKE = 0.8
"""How like a known name an unknown one must be to count as a misspelling (difflib's ratio)."""


def connect_config(
    environ: Mapping[str, str], path: Path | None, data: bytes, profiles: Any
) -> dict[str, Any]:
    """The arguments for ``Client.connect`` that the profile makes.

    Args:
        environ: Environment variables.
        path: The ``temporal.toml``, if there is one.
        data: What is in it.
        profiles: Its table ``profile``.

    Raises:
        SettingsError: The profile can't be used.
    """
    _check_variables(environ, path)
    _check_profiles(profiles, path)
    place = str(path) if path else "the environment"
    try:
        profile = ClientConfigProfile.load(
            config_source=data if path else None,
            disable_file=path is None,
            override_env_vars=dict(environ),
        )
        connect = dict(profile.to_client_connect_config())
    except OSError as error:
        raise SettingsError(
            f"Temporal's connection profile in {place} names {error.filename}, which can't be "
            f"read: {error.strerror}"
        ) from error
    except Exception as error:
        # No cause: the SDK's errors quote the line they are about, and with it any credential.
        raise SettingsError(
            f"Temporal's connection profile can't be loaded from {place}: {_unquoted(error)}"
        ) from None
    hide_credentials(connect, place)
    check_address(connect)
    return connect


def check_address(connect: dict[str, Any]) -> None:
    """Take white space off the address; refuse one that is a URL.

    Raises:
        SettingsError: It is.

    Example:
        >>> check_address({"target_host": "https://example.tmprl.cloud:7233"})
        Traceback (most recent call last):
        ...
        temporal_lambda.errors.SettingsError: the server's address must be host:port, without a \
scheme; got 'https://example.tmprl.cloud:7233'
    """
    address = connect.get("target_host")
    if isinstance(address, str):
        connect["target_host"] = address = address.strip()
        if "://" in address:
            raise SettingsError(
                f"the server's address must be host:port, without a scheme; got {address!r}"
            )


def _check_variables(environ: Mapping[str, str], path: Path | None) -> None:
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"):
        if name in environ and not environ[name].strip():
            raise SettingsError(f"{name} is set, but empty: give it a value, or remove it")
    if environ.get("TEMPORAL_PROFILE") and path is None:
        logger.warning(
            "TEMPORAL_PROFILE names %s, but there is no temporal.toml", environ["TEMPORAL_PROFILE"]
        )
    for name in environ:
        rest = name.removeprefix("TEMPORAL_")
        if rest == name or rest in VARIABLES or rest.startswith(("LAMBDA_", "GRPC_META_")):
            continue
        if meant := nearest(rest, VARIABLES, ALIKE):
            logger.warning(
                "unknown environment variable %s; did you mean TEMPORAL_%s?", name, meant
            )


def _check_profiles(profiles: Any, path: Path | None) -> None:
    if not isinstance(profiles, dict):
        return  # The SDK's own error says where.
    for name, profile in profiles.items():
        if not isinstance(profile, dict):
            continue
        _check_keys(profile, KEYS, f"{path}: [profile.{name}]")
        for key in ("address", "namespace"):
            if isinstance(value := profile.get(key), str) and not value.strip():
                raise SettingsError(f"{path}: [profile.{name}] {key} is empty")
        if isinstance(tls := profile.get("tls"), dict):
            _check_keys(tls, TLS_KEYS, f"{path}: [profile.{name}.tls]")


def _check_keys(table: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    for key in table.keys() - set(known):
        if key in SETTINGS:
            raise SettingsError(f"{place} {key}: this key belongs into [lambda_worker]")
        if meant := nearest(key.replace("-", "_"), known, ALIKE):
            raise SettingsError(f"{place}: unknown key {key!r}; did you mean {meant!r}?")
        logger.warning("%s: unknown key %r has no effect", place, key)


def _unquoted(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if "|" not in line]
    return " ".join(line.strip() for line in lines if line.strip())
