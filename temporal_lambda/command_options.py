"""Types and callbacks of command-line options."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.settings.values import duration, idle_timeout

if TYPE_CHECKING:
    _ParamType = click.ParamType[timedelta]
    _TextType = click.ParamType[str]
else:
    # Before 8.4, click's class takes no type parameter at run time.
    _ParamType = _TextType = click.ParamType

PORT = click.IntRange(0, 65_535)


class DurationType(_ParamType):
    """A duration on the command line."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        """See base class."""
        try:
            return value if isinstance(value, timedelta) else duration(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


class IdleTimeoutType(_TextType):
    """A duration, or ``auto``; its value is the text for the function's environment."""

    name = "duration|auto"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """See base class."""
        try:
            idle_timeout(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)
        return str(value)


def deployment_version(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> WorkerDeploymentVersion | None:
    """Callback of an option whose value is ``NAME:BUILD``."""
    if value is None:
        return None
    name, _, build_id = value.rpartition(":")
    if not (name and build_id):
        raise click.BadParameter(f"{value!r} is not NAME:BUILD")
    return WorkerDeploymentVersion(name, build_id)


def pairs(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Callback of a repeatable option whose values are ``KEY=VALUE``."""
    for value in values:
        if "=" not in value or value.startswith("="):
            raise click.BadParameter(f"{value!r} is not KEY=VALUE")
    return dict(value.split("=", 1) for value in values)


def json_values(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> list[Any]:
    """Callback of a repeatable option whose values are JSON."""
    try:
        return [json.loads(value) for value in values]
    except ValueError as error:
        raise click.BadParameter(f"not JSON: {error}") from None
