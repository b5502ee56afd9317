"""The command ``temporal-lambda dev``."""

from __future__ import annotations

import asyncio
import os
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
from temporal_lambda.local.dev import DevSession
from temporal_lambda.local.display import Display
from temporal_lambda.local.env_file import read_env_file
from temporal_lambda.local.execution import Execution
from temporal_lambda.local.function import Function
from temporal_lambda.local.stack import LocalStack
from temporal_lambda.local.target import locate_handler
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
    "--env-file",
    "env_files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of such variables, NAME=value in each line; --env overrides it.",
)
@click.option(
    "--aws-credentials",
    is_flag=True,
    help="Give the function the AWS credentials of this shell, in place of placeholders.",
)
@click.option(
    "--log-level",
    type=click.Choice(["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"], case_sensitive=False),
    help="Lambda's application log level; without it, Lambda shows WARNING and above.",
)
@click.option(
    "--code",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="The function's code: the directory that imports start from, such as src.",
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
    "--execute-timeout",
    type=DurationType(),
    default="90s",
    show_default=True,
    help="How long that workflow may take.",
)
@click.option(
    "--report",
    is_flag=True,
    help="Print the phases of each invocation, as its worker reports them.",
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
    directory is the function's code; --code names another one. Lambda's own form,
    module.handler, will do as well. Free ports are used unless you choose some.
    """
    try:
        succeeded = asyncio.run(_dev(target, options))
    except TemporalLambdaError as error:
        raise click.ClickException(str(error)) from None
    sys.exit(0 if succeeded else 1)


async def _dev(target: str, options: dict[str, Any]) -> bool:
    code, handler = locate_handler(target, options["code"])
    environment = _environment(options)
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
        timeout = options["execute_timeout"].total_seconds()
        execution = Execution(options["execute"], options["arguments"], timeout)
    session = DevSession(
        stack,
        function,
        Display(Console(), lambda: stack.service.running, reports=options["report"]),
        reload=options["reload"],
        version=options["version"],
        dagster=options["dagster"],
    )
    return await session.run(execution)


def _environment(options: Mapping[str, Any]) -> dict[str, str]:
    """The function's variables: those of files, then those of the command line."""
    variables: dict[str, str] = {}
    for file in options["env_files"]:
        variables |= read_env_file(file)
    if options["aws_credentials"]:
        # An empty one is as good as none, and takes the place of a placeholder.
        variables |= {name: os.environ.get(name, "") for name in AWS_KEYS}
        variables |= {name: os.environ[name] for name in AWS_SOURCES if name in os.environ}
    if options["log_level"]:
        variables["AWS_LAMBDA_LOG_LEVEL"] = options["log_level"]
    return {**variables, **options["environment"]}


AWS_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

AWS_SOURCES = (
    "AWS_CONFIG_FILE",
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_SHARED_CREDENTIALS_FILE",
)
"""Where AWS SDKs find credentials, besides the files below ``HOME``, which functions have."""


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
