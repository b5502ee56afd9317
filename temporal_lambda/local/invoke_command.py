"""The command ``temporal-lambda invoke``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import IO, Any

import click
from rich.console import Console

from temporal_lambda.errors import TemporalLambdaError
from temporal_lambda.local.calls import Answer
from temporal_lambda.local.display import Display
from temporal_lambda.local.errors import LocalStackError
from temporal_lambda.local.function import Function
from temporal_lambda.local.function_options import function_options, make_function
from temporal_lambda.local.guardian import Guardian
from temporal_lambda.local.handler_version import connects
from temporal_lambda.local.local_settings import on_this_machine
from temporal_lambda.local.payload import SYNC_LIMIT, check_json
from temporal_lambda.local.service import LambdaService
from temporal_lambda.local.stack import LocalStack
from temporal_lambda.local.terminal_text import printable


@click.command()
@function_options
@click.option("--event", metavar="JSON", help="The event; {} by default.")
@click.option(
    "--event-file",
    type=click.File("rb"),
    metavar="FILE",
    help="A file with the event; - for standard input.",
)
def invoke(**options: Any) -> None:
    """Invoke a handler once on this machine, and print what it returns.

    Runs MODULE:HANDLER, named as for dev, in a process of AWS's runtime client, with Lambda's
    context and a deadline. Its result goes to standard output; its log, the REPORT line and its
    worker's report go to standard error. The exit status is 1 if the function failed.

    A Temporal server is started for handlers that need one: those made by run_worker, those for
    Dagster unless they have durable=False, and any with --version. For others none is.
    """
    try:
        payload = _payload(options["event"], options["event_file"])
        answer = asyncio.run(_invoke(make_function(options), payload, options))
    except TemporalLambdaError as error:
        raise click.ClickException(str(error)) from None
    if sys.stdout.isatty():
        click.echo(printable(answer.payload.decode(errors="replace")))
    else:
        # Whatever the encoding of this shell; and not all that a function returns is text.
        click.echo(answer.payload)
    sys.exit(1 if answer.error_type else 0)


def _payload(event: str | None, file: IO[bytes] | None) -> bytes:
    """The event, checked as AWS would.

    Raises:
        LocalStackError: It is larger than AWS allows.
        click.UsageError: It is no JSON, or is given twice.
    """
    if event is not None and file is not None:
        raise click.UsageError("--event and --event-file exclude each other")
    name = "--event" if file is None else "--event-file"
    payload = file.read() if file else (event or "{}").encode(errors="surrogateescape")
    try:
        check_json(payload)
    except ValueError as error:
        raise click.UsageError(f"{name} is not JSON: {error}") from None
    if len(payload) > SYNC_LIMIT:
        raise LocalStackError(
            f"{name} has {len(payload)} bytes; AWS takes {SYNC_LIMIT} at most from a caller who "
            "waits for the answer"
        )
    return payload


async def _invoke(function: Function, payload: bytes, options: Mapping[str, Any]) -> Answer:
    display = Display(Console(stderr=True), reports=True)
    try:
        async with _lambda_with(function, options, display) as (service, created):
            service.on_line, service.on_record = display.log_line, display.finished
            _, answer = await service.invoke(created, payload)
        return answer
    finally:
        display.close()


@asynccontextmanager
async def _lambda_with(
    function: Function, options: Mapping[str, Any], display: Display
) -> AsyncIterator[tuple[LambdaService, Function]]:
    """A local Lambda with the function, beside a Temporal server if the function needs one."""
    address = options["temporal_address"]
    # Before its handler is looked at, too, whose import reads the settings.
    here = on_this_machine(function)
    if address or options["version"] or await _connects(here):
        if not address:
            display.say("starting Temporal, which this handler needs")
        async with LocalStack(temporal_address=address, namespace=options["namespace"]) as stack:
            yield stack.service, stack.create(function)
    else:
        async with LambdaService() as service:
            service.add(here)
            yield service, here


async def _connects(function: Function) -> bool:
    guardian = Guardian()
    try:
        return await connects(function, guardian)
    finally:
        await guardian.close()
