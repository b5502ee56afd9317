"""Reads settings from files and the environment, once per cold start.

There are two sources: ``temporal.toml`` and the environment. Temporal's own connection profile
(``[profile.*]``, ``TEMPORAL_ADDRESS`` and similar variables) is read by
:py:mod:`temporalio.envconfig`; the ``[lambda_worker]`` table and the ``TEMPORAL_LAMBDA_*``
variables are read here.
"""

from __future__ import annotations

import codecs
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from temporal_lambda.errors import SettingsError
from temporal_lambda.settings.nearest import nearest
from temporal_lambda.settings.profile import connect_config
from temporal_lambda.settings.table import PREFIX, SETTINGS, variable

logger = logging.getLogger("temporal_lambda.settings")

TABLE = "lambda_worker"
CONFIG_FILE = "temporal.toml"


class Settings:
    """The settings from files and environment, validated.

    Not a dataclass, so that nothing prints the credentials in ``connect``.

    Args:
        connect: Arguments for ``Client.connect`` from Temporal's profile.
        values: The ``[lambda_worker]`` settings by name; a setting that is not set is absent.
        file: The ``temporal.toml`` that was read, or ``None``.
    """

    def __init__(
        self, connect: Mapping[str, Any], values: Mapping[str, Any], file: Path | None
    ) -> None:
        self.connect = connect
        self.values = values
        self.file = file

    def value(self, name: str) -> Any:
        """The value of a setting, or its default if it is not set."""
        return self.values.get(name, SETTINGS[name].default)


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings of this environment.

    Args:
        environ: Environment variables, as in ``os.environ``.

    Raises:
        SettingsError: A file or variable exists but is invalid.

    Example:
        >>> load_settings({"TEMPORAL_LAMBDA_IDLE_TIMEOUT": "1.3s"}).values
        {'idle_timeout': datetime.timedelta(seconds=1, microseconds=300000)}
    """
    path = find_file(environ)
    data = _read(path) if path else b""
    table = _parse(path, data) if path else {}
    values = {
        **_from_table(table.get(TABLE, {}), path),
        **_from_environ(environ),
    }
    connect = connect_config(environ, path, data, table.get("profile", {}))
    return Settings(connect, values, path)


def find_file(environ: Mapping[str, str]) -> Path | None:
    """Find the ``temporal.toml`` to use.

    Args:
        environ: ``TEMPORAL_CONFIG_FILE`` names the file; otherwise it is
            ``$LAMBDA_TASK_ROOT/temporal.toml``, else ``./temporal.toml``.

    Returns:
        The file, or ``None`` if there is none. If an explicit file is missing, a warning is logged
        and no other file is used.
    """
    if explicit := environ.get("TEMPORAL_CONFIG_FILE"):
        if Path(explicit).is_file():
            return Path(explicit)
        logger.warning(
            "TEMPORAL_CONFIG_FILE names %s, which is not a file; going on with environment "
            "variables alone",
            explicit,
        )
        return None
    places = [Path(CONFIG_FILE)]
    if root := environ.get("LAMBDA_TASK_ROOT"):
        places.insert(0, Path(root) / CONFIG_FILE)
    return next((place for place in places if place.is_file()), None)


def _read(path: Path) -> bytes:
    try:
        # Some editors begin a file with a byte order mark, which TOML does not know.
        return path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise SettingsError(f"{path} can't be read: {error.strerror}") from error


def _parse(path: Path, data: bytes) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        document = tomllib.loads(data.decode())
    except RecursionError:
        raise SettingsError(f"{path} is not valid TOML: it is nested too deeply") from None
    except ValueError as error:
        # Also of a number that is longer than Python reads. No cause: it holds the whole text.
        raise SettingsError(f"{path} is not valid TOML: {error}") from None
    for name in document.keys() - TABLES:
        if name in SETTINGS:
            raise SettingsError(f"{path}: {name} stands outside of [{TABLE}]: move it there")
        if meant := nearest(name, TABLES):
            raise SettingsError(f"{path}: unknown table [{name}]; did you mean [{meant}]?")
    return document


TABLES = {"profile", TABLE}
"""The tables of a ``temporal.toml`` that are read."""


def _from_table(table: Any, path: Path | None) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: {TABLE} must be a table: write [{TABLE}] and keys below it")
    for name in table:
        if name not in SETTINGS:
            raise SettingsError(
                f"{path}: unknown key {name!r} in [{TABLE}]{_suggestion(name, SETTINGS)}"
            )
    return {name: _value(name, raw, f"{path}: [{TABLE}] {name}") for name, raw in table.items()}


def _from_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    names = {variable(name): name for name in SETTINGS}
    for key in environ:
        if key.startswith(PREFIX) and key not in names:
            meant = nearest(key.removeprefix(PREFIX).lower(), SETTINGS)
            if meant:
                logger.warning(
                    "unknown environment variable %s; did you mean %s?", key, variable(meant)
                )
    return {
        name: _value(name, environ[key], key) for key, name in names.items() if environ.get(key)
    }


def _value(name: str, raw: Any, place: str) -> Any:
    try:
        return SETTINGS[name].kind.parse(raw)
    except ValueError as error:
        raise SettingsError(f"{place}: {error}; got {raw!r}") from None


def _suggestion(name: str, known: Any) -> str:
    meant = nearest(name, known)
    return f"; did you mean {meant!r}?" if meant else f"; known are {', '.join(known)}"
