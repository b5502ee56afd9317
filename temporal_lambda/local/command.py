"""The command ``temporal-lambda dev``."""

from __future__ import annotations

import asyncio
import dataclasses
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console

from temporal_lambda.command_options import PORT, DurationType, json_values
from temporal_lambda.errors import TemporalLambdaError
from temporal_lambda.local import debugger
from temporal_lambda.local.dev import DevSession
from temporal_lambda.local.display import Display
from temporal_lambda.local.errors import LocalStackError
from temporal_lambda.local.execution import HELD_UP, Execution
from temporal_lambda.local.function import MAX_TIMEOUT, Function
from temporal_lambda.local.function_options import function_options, make_function
from temporal_lambda.local.ports import free_port, require_free
from temporal_lambda.local.stack import LocalStack

LONG = timedelta(days=1)
"""How long the process of a function with a debugger is kept when nothing is to do."""


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
    "--debug",
    is_flag=True,
    help="Let a debugger attach to the function, with debugpy. The function then runs in one "
    "process, which is not frozen, and may take 15m.",
)
@click.option(
    "--debug-port",
    type=PORT,
    default=5678,
    show_default=True,
    help="Where debugpy listens on 127.0.0.1; 0 takes a free port.",
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
@click.pass_context
def dev(context: click.Context, /, **options: Any) -> None:
    """Run a handler on this machine, invoked by a Temporal server's worker controller.

    Starts a Temporal server and a local Lambda service, which runs MODULE:HANDLER in processes of
    AWS's runtime client. MODULE is a dotted name below the working directory, or a file whose
    directory is the function's code; --code names another one. Lambda's own form,
    module.handler, will do as well. Free ports are used unless you choose some.
    """
    if options["debug"]:
        # Whoever looks at a line of code takes time for it.
        for name in ("timeout", "execute_timeout"):
            if context.get_parameter_source(name) is ParameterSource.DEFAULT:
                options[name] = MAX_TIMEOUT
    try:
        succeeded = asyncio.run(_dev(options))
    except TemporalLambdaError as error:
        raise click.ClickException(str(error)) from None
    sys.exit(0 if succeeded else 1)


async def _dev(options: dict[str, Any]) -> bool:
    function = make_function(options)
    if options["debug"]:
        function = _with_debugger(function, options["debug_port"])
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
        task_timeout = HELD_UP if options["debug"] else None
        execution = Execution(options["execute"], options["arguments"], timeout, task_timeout)
    session = DevSession(
        stack,
        function,
        Display(Console(), lambda: stack.service.running, reports=options["report"]),
        reload=options["reload"],
        version=options["version"],
        dagster=options["dagster"],
    )
    return await session.run(execution)


def _with_debugger(function: Function, port: int) -> Function:
    """The same function, in one process that a debugger may attach to.

    Raises:
        LocalStackError: debugpy is not installed, the port is taken, or the function has several
            processes.
    """
    if function.max_concurrency:
        raise LocalStackError(
            "--debug can't be used with --max-concurrency: a debugger attaches to one process, and "
            "there would be several. Leave one of them out"
        )
    debugger.require()
    port = port or free_port()
    require_free(port)
    return dataclasses.replace(
        function,
        concurrency=1,
        init_timeout=MAX_TIMEOUT,
        idle_lifetime=LONG,
        environment={**debugger.VARIABLES, **function.environment},
        debug_port=port,
    )
