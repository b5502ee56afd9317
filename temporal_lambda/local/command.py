"""The command ``temporal-lambda dev``."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from temporal_lambda.command_options import PORT, DurationType, json_values
from temporal_lambda.errors import TemporalLambdaError
from temporal_lambda.local.dev import DevSession
from temporal_lambda.local.display import Display
from temporal_lambda.local.execution import Execution
from temporal_lambda.local.function_options import function_options, make_function
from temporal_lambda.local.stack import LocalStack


@click.command()
@function_options
@click.option(
    "--concurrency",
    type=int,
    default=10,
    show_default=True,
    help="How many invocations may run at a time.",
)
@click.option(
    "--max-concurrency",
    type=int,
    metavar="PROCESSES",
    help="Run this many processes in an environment, as Lambda Managed Instances do.",
)
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
    help="Start one workflow of this type, show what it waits for, print its result, and end.",
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
def dev(**options: Any) -> None:
    """Run a handler on this machine, invoked by a Temporal server's worker controller.

    Starts a Temporal server and a local Lambda service, which runs MODULE:HANDLER in processes of
    AWS's runtime client. MODULE is a dotted name below the working directory, or a file whose
    directory is the function's code; --code names another one. Lambda's own form,
    module.handler, will do as well. Free ports are used unless you choose some.
    """
    try:
        succeeded = asyncio.run(_dev(options))
    except TemporalLambdaError as error:
        raise click.ClickException(str(error)) from None
    sys.exit(0 if succeeded else 1)


async def _dev(options: dict[str, Any]) -> bool:
    function = make_function(options)
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
