"""Options that say which function to run, for the commands that run one."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from temporal_lambda.command_options import (
    DurationType,
    IdleTimeoutType,
    deployment_version,
    pairs,
)
from temporal_lambda.errors import SettingsError
from temporal_lambda.local.env_file import read_env_file
from temporal_lambda.local.function import Function
from temporal_lambda.local.local_settings import LOCAL
from temporal_lambda.local.target import locate_handler
from temporal_lambda.runtime.leaving import AUTO
from temporal_lambda.settings.sources import CONFIG_FILE, load_settings
from temporal_lambda.settings.table import variable

Command = TypeVar("Command", bound=Callable[..., Any])

OPTIONS: list[Callable[[Any], Any]] = [
    click.argument("target", metavar="MODULE:HANDLER"),
    click.option(
        "--timeout",
        type=DurationType(),
        default="60s",
        show_default=True,
        help="The function's timeout, up to 15m.",
    ),
    click.option(
        "--memory",
        type=int,
        default=512,
        show_default=True,
        metavar="MB",
        help="The function's memory; reported to it, not enforced.",
    ),
    click.option(
        "--snapstart",
        is_flag=True,
        help="Restore environments from a snapshot, as SnapStart does.",
    ),
    click.option(
        "--idle-timeout",
        type=IdleTimeoutType(),
        help="End an invocation after this long without a task, or as soon as that is cheaper than "
        "to stay (auto). By default that of temporal.toml, else auto; a callback may set its own.",
    ),
    click.option(
        "--env",
        "environment",
        multiple=True,
        metavar="KEY=VALUE",
        callback=pairs,
        help="An environment variable of the function; may be repeated.",
    ),
    click.option(
        "--env-file",
        "env_files",
        multiple=True,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        help="A file of such variables, NAME=value in each line; --env overrides it.",
    ),
    click.option(
        "--aws-credentials",
        is_flag=True,
        help="Give the function the AWS credentials of this shell, in place of placeholders.",
    ),
    click.option(
        "--log-level",
        type=click.Choice(
            ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"], case_sensitive=False
        ),
        help="Lambda's application log level; without it, Lambda shows WARNING and above.",
    ),
    click.option(
        "--code",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        metavar="DIR",
        help="The function's code: the directory that imports start from, such as src.",
    ),
    click.option(
        "--function-name",
        metavar="NAME",
        help="Name of the function; by default the handler's, with a random suffix.",
    ),
    click.option(
        "--temporal-address",
        metavar="HOST:PORT",
        help="Use this Temporal server instead of starting one.",
    ),
    click.option(
        "--version",
        "version",
        metavar="NAME:BUILD",
        callback=deployment_version,
        help="Deployment version of a handler that was not made by temporal_lambda.run_worker.",
    ),
    click.option("--namespace", default="default", show_default=True, help="Temporal namespace."),
]


def function_options(command: Command) -> Command:
    """Give a command these options, in this order, before its own."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def make_function(options: Mapping[str, Any]) -> Function:
    """The function that a command's options describe.

    Args:
        options: The values of these options by name, and if the command has them ``concurrency``
            and ``max_concurrency``.

    Raises:
        LocalStackError: There is no such handler's code, or a value is none of Lambda's.
    """
    code, handler = locate_handler(options["target"], options["code"])
    environment = _environment(options)
    if idle_timeout := options["idle_timeout"] or idle_timeout_unless_set(code, environment):
        environment[variable("idle_timeout")] = idle_timeout
    return Function(
        name=options["function_name"] or _new_name(handler),
        handler=handler,
        code=code,
        timeout=options["timeout"],
        memory_mb=options["memory"],
        concurrency=options.get("concurrency", 1),
        environment=environment,
        snapstart=options["snapstart"],
        max_concurrency=options.get("max_concurrency"),
    )


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


def idle_timeout_unless_set(code: Path, environment: Mapping[str, str]) -> str | None:
    """``auto``, unless the function's own settings have an idle timeout.

    Args:
        code: The function's code directory. Certificates that its settings name need not be there.
        environment: Its variables.
    """
    file = code / CONFIG_FILE
    places = {"TEMPORAL_CONFIG_FILE": str(file)} if file.is_file() else {}
    try:
        settings = load_settings({**places, **LOCAL, **environment})
    except SettingsError:
        # The function's own start says what is wrong with them.
        return None
    return None if "idle_timeout" in settings.values else AUTO


def _new_name(handler: str) -> str:
    """A name that other programs on this machine can't guess from the handler's."""
    return f"{re.sub(r'[^A-Za-z0-9-_]', '-', handler)[-55:]}-{secrets.token_hex(4)}"
