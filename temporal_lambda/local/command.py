"""The command ``temporal-lambda dev``."""

from __future__ import annotations

import asyncio
import re
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from temporal_lambda.command_options import (
    PORT,
    DurationType,
    IdleTimeoutType,
    deployment_version,
    json_values,
    pairs,
)
from temporal_lambda.errors import SettingsError, TemporalLambdaError
from temporal_lambda.local.dev import DevSession, Execution, locate_handler
from temporal_lambda.local.display import Display
from temporal_lambda.local.function import Function
from temporal_lambda.local.stack import LocalStack
from temporal_lambda.runtime.leaving import AUTO
from temporal_lambda.settings.sources import CONFIG_FILE, load_settings
from temporal_lambda.settings.table import variable


@click.command()
@click.argument("target", metavar="MODULE:HANDLER")
@click.option(
    "--timeout",
    type=DurationType(),
    default="60s",
    show_default=True,
    help="The function's timeout, up to 15m.",
)
@click.option(
    "--memory",
    type=int,
    default=512,
    show_default=True,
    metavar="MB",
    help="The function's memory; reported to it, not enforced.",
)
@click.option(
    "--concurrency",
    type=int,
    default=10,
    show_default=True,
    help="How many invocations may run at a time.",
)
@click.option(
    "--snapstart",
    is_flag=True,
    help="Restore environments from a snapshot, as SnapStart does.",
)
@click.option(
    "--max-concurrency",
    type=int,
    metavar="PROCESSES",
    help="Run this many processes in an environment, as Lambda Managed Instances do.",
)
@click.option(
    "--idle-timeout",
    type=IdleTimeoutType(),
    help="End an invocation after this long without a task, or as soon as that is cheaper than to "
    "stay (auto). By default that of temporal.toml, else auto; a callback may set its own.",
)
@click.option(
    "--env",
    "environment",
    multiple=True,
    metavar="KEY=VALUE",
    callback=pairs,
    help="An environment variable of the function; may be repeated.",
)
@click.option(
    "--function-name",
    metavar="NAME",
    help="Name of the function; by default the handler's, with a random suffix.",
)
@click.option(
    "--temporal-address",
    metavar="HOST:PORT",
    help="Use this Temporal server instead of starting one.",
)
@click.option(
    "--version",
    "version",
    metavar="NAME:BUILD",
    callback=deployment_version,
    help="Deployment version of a handler that was not made by temporal_lambda.run_worker.",
)
@click.option("--namespace", default="default", show_default=True, help="Temporal namespace.")
@click.option("--temporal-port", type=PORT, default=0, help="Port of the started server.")
@click.option("--ui-port", type=PORT, default=0, help="Port of its Web UI.")
@click.option("--lambda-port", type=PORT, default=0, help="Port of the Lambda API.")
@click.option(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File in which the started server keeps workflows.",
)
@click.option(
    "--reload/--no-reload",
    default=True,
    show_default=True,
    help="Recycle environments when a .py or .toml file changes.",
)
@click.option(
    "--dagster",
    metavar="MODULE",
    help="Show Dagster's UI beside it, with the jobs of this module. Runs go to the function, "
    "whose handler run_dagster_code has made.",
)
@click.option(
    "--execute",
    metavar="WORKFLOW",
    help="Start one workflow of this type, print its result, and end.",
)
@click.option(
    "--input",
    "arguments",
    multiple=True,
    metavar="JSON",
    callback=json_values,
    help="An argument for --execute; may be repeated.",
)
def dev(target: str, **options: Any) -> None:
    """Run a handler on this machine, invoked by a Temporal server's worker controller.

    Starts a Temporal server and a local Lambda service, which runs MODULE:HANDLER in processes of
    AWS's runtime client. MODULE is a dotted name below the working directory, or a file whose
    directory is the function's code. Free ports are used unless you choose some.
    """
    try:
        succeeded = asyncio.run(_dev(target, options))
    except TemporalLambdaError as error:
        raise click.ClickException(str(error)) from None
    sys.exit(0 if succeeded else 1)


async def _dev(target: str, options: dict[str, Any]) -> bool:
    code, handler = locate_handler(target)
    environment = options["environment"]
    if idle_timeout := options["idle_timeout"] or _unless_set(code, environment):
        environment[variable("idle_timeout")] = idle_timeout
    function = Function(
        name=options["function_name"] or _new_name(handler),
        handler=handler,
        code=code,
        timeout=options["timeout"],
        memory_mb=options["memory"],
        concurrency=options["concurrency"],
        environment=environment,
        snapstart=options["snapstart"],
        max_concurrency=options["max_concurrency"],
    )
    stack = LocalStack(
        temporal_address=options["temporal_address"],
        namespace=options["namespace"],
        temporal_port=options["temporal_port"],
        ui_port=options["ui_port"],
        lambda_port=options["lambda_port"],
        database=options["database"],
    )
    execution = None
    if options["execute"]:
        execution = Execution(options["execute"], options["arguments"])
    session = DevSession(
        stack,
        function,
        Display(Console()),
        reload=options["reload"],
        version=options["version"],
        dagster=options["dagster"],
    )
    return await session.run(execution)


def _unless_set(code: Path, environment: Mapping[str, str]) -> str | None:
    """``auto``, unless the function's own settings have an idle timeout."""
    file = code / CONFIG_FILE
    places = {"TEMPORAL_CONFIG_FILE": str(file)} if file.is_file() else {}
    try:
        settings = load_settings({**places, **environment})
    except SettingsError:
        # The function's own start says what is wrong with them.
        return None
    return None if "idle_timeout" in settings.values else AUTO


def _new_name(handler: str) -> str:
    """A name that other programs on this machine can't guess from the handler's."""
    return f"{re.sub(r'[^A-Za-z0-9-_]', '-', handler)[-55:]}-{secrets.token_hex(4)}"
