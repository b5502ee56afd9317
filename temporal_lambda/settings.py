"""Files and environment -> settings, once per cold start.

Two places speak: ``temporal.toml`` and the environment. Temporal's own connection profile
(``[profile.*]``, ``TEMPORAL_ADDRESS`` and its kin) is read by :py:mod:`temporalio.envconfig`; the
``[lambda_worker]`` table and the ``TEMPORAL_LAMBDA_*`` variables are read here.
"""

from __future__ import annotations

import codecs
import logging
import re
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from temporalio.envconfig import ClientConfigProfile

from temporal_lambda.errors import SettingsError

logger = logging.getLogger(__name__)

TABLE = "lambda_worker"
PREFIX = "TEMPORAL_LAMBDA_"
CONFIG_FILE = "temporal.toml"

Recycling = Literal["never", "poisoned", "abandoned"]
"""When the process of an execution environment is ended after an invocation."""


class Settings:
    """What files and environment say, validated.

    No dataclass, so that nothing prints the credentials in ``connect``.

    Args:
        connect: Arguments for ``Client.connect`` from Temporal's profile.
        values: The ``[lambda_worker]`` settings by name; those not set are absent.
        file: The ``temporal.toml`` that was read, or ``None``.
    """

    def __init__(
        self, connect: Mapping[str, Any], values: Mapping[str, Any], file: Path | None
    ) -> None:
        self.connect = connect
        self.values = values
        self.file = file


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings of this environment.

    Args:
        environ: Environment variables, as in ``os.environ``.

    Raises:
        SettingsError: A file or variable that is there can't be used.

    Example:
        >>> load_settings({"TEMPORAL_LAMBDA_IDLE_TIMEOUT": "2s"}).values
        {'idle_timeout': datetime.timedelta(seconds=2)}
    """
    path = find_file(environ)
    data = _read(path) if path else b""
    table = _parse(path, data) if path else {}
    values = {
        **_from_table(table.get(TABLE, {}), path),
        **_from_environ(environ),
    }
    return Settings(_connect_config(environ, path, data), values, path)


def find_file(environ: Mapping[str, str]) -> Path | None:
    """The ``temporal.toml`` to use: explicit, beside the code, or in the working directory.

    Args:
        environ: ``TEMPORAL_CONFIG_FILE`` names the file; else ``$LAMBDA_TASK_ROOT/temporal.toml``
            counts, else ``./temporal.toml``.

    Returns:
        The file, or ``None`` where there is none. An explicit file that is missing is warned of
        and not replaced by another one.
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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} is not valid TOML: {error}") from error
    for name in document.keys() - TABLES:
        if nearest := _nearest(name, TABLES):
            raise SettingsError(f"{path}: unknown table [{name}]; did you mean [{nearest}]?")
    return document


TABLES = {"profile", TABLE}
"""The tables of a temporal.toml that mean something here."""


def _connect_config(environ: Mapping[str, str], path: Path | None, data: bytes) -> dict[str, Any]:
    place = str(path) if path else "the environment"
    try:
        profile = ClientConfigProfile.load(
            config_source=data if path else None,
            disable_file=path is None,
            override_env_vars=dict(environ),
        )
        return dict(profile.to_client_connect_config())
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


def _unquoted(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if "|" not in line]
    return " ".join(line.strip() for line in lines if line.strip())


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
            nearest = _nearest(key.removeprefix(PREFIX).lower(), SETTINGS)
            if nearest:
                logger.warning(
                    "unknown environment variable %s; did you mean %s?", key, variable(nearest)
                )
    return {
        name: _value(name, environ[key], key) for key, name in names.items() if environ.get(key)
    }


def variable(name: str) -> str:
    """The environment variable of a setting.

    Example:
        >>> variable("idle_timeout")
        'TEMPORAL_LAMBDA_IDLE_TIMEOUT'
    """
    # The contrib module's name for it, and Temporal's own convention.
    return "TEMPORAL_TASK_QUEUE" if name == "task_queue" else PREFIX + name.upper()


def _value(name: str, raw: Any, place: str) -> Any:
    try:
        return SETTINGS[name](raw)
    except ValueError as error:
        raise SettingsError(f"{place}: {error}; got {raw!r}") from None


def _nearest(name: str, known: Any) -> str | None:
    import difflib

    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def _suggestion(name: str, known: Any) -> str:
    nearest = _nearest(name, known)
    return f"; did you mean {nearest!r}?" if nearest else f"; known are {', '.join(known)}"


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")


def duration(raw: Any) -> timedelta:
    """A duration: seconds as a number, or text such as ``500ms``, ``2.5s`` or ``1m30s``.

    Raises:
        ValueError: It is negative or no duration.

    Example:
        >>> duration("1m30s")
        datetime.timedelta(seconds=90)
        >>> duration(0.25)
        datetime.timedelta(microseconds=250000)
    """
    hint = "expected a duration of 0 or more: seconds (2.5) or text such as 500ms, 5s, 1m30s"
    if isinstance(raw, str):
        text = raw.strip()
        parts = _DURATION.findall(text)
        if parts and "".join(number + unit for number, unit in parts) == text:
            return timedelta(seconds=sum(float(number) * _UNITS[unit] for number, unit in parts))
        raw = _number(text)
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not 0 <= raw < 1e9:
        raise ValueError(hint)
    return timedelta(seconds=raw)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _positive_duration(raw: Any) -> timedelta:
    value = duration(raw)
    if not value:
        raise ValueError("expected a duration above 0 (leave it out to switch it off)")
    return value


def _whole(least: int) -> Callable[[Any], int]:
    def parse(raw: Any) -> int:
        hint = f"expected a whole number of {least} or more"
        if isinstance(raw, str) and re.fullmatch(r"\d{1,9}", raw.strip()):
            raw = int(raw)
        if isinstance(raw, bool) or not isinstance(raw, int) or raw < least:
            raise ValueError(hint)
        return raw

    return parse


def _flag(raw: Any) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if isinstance(raw, str):
        raw = words.get(raw.strip().lower())
    if not isinstance(raw, bool):
        raise ValueError("expected true or false")
    return raw


def _recycling(raw: Any) -> str:
    if raw not in get_args(Recycling):
        raise ValueError(f"expected one of {', '.join(get_args(Recycling))}")
    return str(raw)


def _name(raw: Any) -> str:
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError("expected a name")
    return raw


SETTINGS: Mapping[str, Callable[[Any], Any]] = {
    "task_queue": _name,
    "idle_timeout": _positive_duration,
    "reuse_connection": _flag,
    "recycle_environment": _recycling,
    "cloudwatch_metrics": _flag,
    "shutdown_deadline_buffer": duration,
    "graceful_shutdown_timeout": duration,
    "max_concurrent_activities": _whole(1),
    "max_concurrent_workflow_tasks": _whole(1),
    "max_concurrent_local_activities": _whole(1),
    "max_concurrent_nexus_tasks": _whole(1),
    "workflow_task_pollers": _whole(2),
    "activity_task_pollers": _whole(1),
    "nexus_task_pollers": _whole(1),
    "max_cached_workflows": _whole(0),
}
"""Every ``[lambda_worker]`` setting and how its value is read."""
