"""The commands ``deploy``, ``rollback``, ``status`` and ``clean-up``."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from temporal_lambda.command_options import DurationType, pairs
from temporal_lambda.deploy import connections
from temporal_lambda.deploy.checking.open_secrets import DO, WHY, open_secrets
from temporal_lambda.deploy.errors import DeployError
from temporal_lambda.deploy.packaging import archive as archives
from temporal_lambda.deploy.packaging.report import read
from temporal_lambda.deploy.rollout import deploy as rollouts
from temporal_lambda.deploy.rollout import inventory
from temporal_lambda.deploy.rollout.clean_up import clean_up as delete_builds
from temporal_lambda.deploy.rollout.journal import Journal, Step
from temporal_lambda.deploy.rollout.lambda_function import LambdaFunction
from temporal_lambda.deploy.rollout.lambda_function import Options as FunctionOptions
from temporal_lambda.deploy.rollout.rollback import roll_back
from temporal_lambda.errors import TemporalLambdaError
from temporal_lambda.worker_deployment.states import describe_deployment

DRY_RUN = click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
REGION = click.option("--region", help="The AWS region  [default: AWS's own settings]")

IGNORE_MISSING = click.option(
    "--ignore-missing-task-queues", is_flag=True, help="It need not serve the current build's."
)

GO_ON = "mend that and run the same command again; it skips what is done"


@click.command()
@click.argument("archive", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--function", "name", help="The function  [default: the deployment's name]")
@click.option(
    "--role",
    metavar="ARN",
    envvar="TEMPORAL_LAMBDA_EXECUTION_ROLE",
    show_envvar=True,
    help="Execution role, to create the function with.",
)
@click.option(
    "--invoke-role",
    metavar="ARN",
    envvar="TEMPORAL_LAMBDA_INVOKE_ROLE",
    show_envvar=True,
    help="Role that Temporal assumes to invoke it.",
)
@click.option(
    "--external-id",
    envvar="TEMPORAL_LAMBDA_EXTERNAL_ID",
    show_envvar=True,
    help="What Temporal says when it assumes it.",
)
@click.option("--timeout", type=DurationType(), help="The function's timeout  [new: 10m]")
@click.option("--memory", type=int, metavar="MB", help="The function's memory  [new: 512]")
@click.option(
    "--env",
    "environment",
    multiple=True,
    metavar="KEY=VALUE",
    callback=pairs,
    help="A variable of the function; others stay. No place for secrets. Repeatable.",
)
@click.option(
    "--on-failure",
    metavar="ARN",
    envvar="TEMPORAL_LAMBDA_ON_FAILURE",
    show_envvar=True,
    help="Queue or topic for invocations that Lambda gave up.",
)
@click.option("--allow-secrets", is_flag=True, help="Take credentials among --env all the same.")
@click.option("--bucket", help="S3 bucket to upload by, for a zip above 50 MB.")
@click.option(
    "--ramp",
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Share of new workflows for this build  [default: all]",
)
@click.option("--no-route", is_flag=True, help="Register the build, and route nothing to it.")
@click.option("--repoint", is_flag=True, help="Let a build that is out use another function.")
@IGNORE_MISSING
@click.option(
    "--bind-timeout",
    type=DurationType(),
    default="40s",
    show_default=True,
    help="How long its first worker may take.",
)
@REGION
@DRY_RUN
@AS_JSON
def deploy(archive: Path, **options: Any) -> None:
    """Deploy a zip of 'package', and route new workflows to it.

    Creates or updates the function, publishes a version, registers it as a build of the worker
    deployment, waits until a worker of it has polled, and routes. Each step is skipped if it is
    done, so that the same command goes on where it was interrupted. Run it again without --ramp to
    give a build all new workflows.
    """
    if bool(options["invoke_role"]) != bool(options["external_id"]):
        raise click.UsageError("--invoke-role and --external-id are given together")
    _run(options, lambda journal: _deploy(archive, options, journal))


async def _deploy(archive: Path, options: dict[str, Any], journal: Journal) -> dict[str, Any]:
    report = read(archive)
    if archives.code_sha256(archive) != report.code_sha256:
        raise DeployError(f"{archive} is not the zip that {archive}.json is about: package it anew")
    if not options["allow_secrets"] and (found := open_secrets(options["environment"])):
        raise DeployError(
            f"--env holds credentials, in {', '.join(found)}: {WHY}. Instead, {DO}; or pass "
            "--allow-secrets"
        )
    region = options["region"]
    function = LambdaFunction(
        connections.aws("lambda", region),
        lambda: connections.aws("s3", region),
        FunctionOptions(
            name=options["name"] or report.deployment_name or "",
            role=options["role"],
            timeout=int(options["timeout"].total_seconds()) if options["timeout"] else None,
            memory_mb=options["memory"],
            environment=options["environment"],
            bucket=options["bucket"],
        ),
        archive,
        report,
    )
    client = await connections.connect()
    rollout = rollouts.Rollout(
        client,
        function,
        report,
        rollouts.Options(
            invoke_role=options["invoke_role"],
            external_id=options["external_id"],
            on_failure=options["on_failure"],
            ramp=options["ramp"],
            route=not options["no_route"],
            repoint=options["repoint"],
            ignore_missing_task_queues=options["ignore_missing_task_queues"],
            bind_timeout=options["bind_timeout"].total_seconds(),
        ),
        journal,
        lambda: connections.aws("logs", region),
    )
    deployment = await rollout.run()
    return await _inventory(client, deployment.name) if deployment else {"builds": []}


@click.command()
@click.argument("deployment")
@click.option("--to", metavar="BUILD", help="The build  [default: end a ramp, else the one before]")
@click.option("--only-ramp", is_flag=True, help="End a ramp; without one, do nothing.")
@IGNORE_MISSING
@DRY_RUN
@AS_JSON
def rollback(deployment: str, **options: Any) -> None:
    """Route new workflows of DEPLOYMENT to an earlier build.

    Changes nothing in AWS, and takes a second or two. Workflows pinned to the newer build stay on
    it; those that upgrade by themselves come back with their next task.
    """

    async def run(journal: Journal) -> dict[str, Any]:
        client = await connections.connect()
        await roll_back(
            client,
            deployment,
            options["to"],
            journal,
            only_ramp=options["only_ramp"],
            ignore_missing_task_queues=options["ignore_missing_task_queues"],
        )
        return await _inventory(client, deployment)

    if options["only_ramp"] and options["to"]:
        raise click.UsageError("--only-ramp goes with no --to")
    _run(options, run)


@click.command()
@click.argument("deployment")
@AS_JSON
def status(deployment: str, **options: Any) -> None:
    """Show the builds of DEPLOYMENT: what they run on, their share, which may be deleted."""

    async def run(journal: Journal) -> dict[str, Any]:
        return await _inventory(await connections.connect(), deployment)

    _run({**options, "dry_run": False}, run)


@click.command()
@click.argument("deployment")
@click.option(
    "--keep",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="How many to keep of those that may be deleted, the newest.",
)
@REGION
@DRY_RUN
@AS_JSON
def clean_up(deployment: str, **options: Any) -> None:
    """Delete builds of DEPLOYMENT that are drained, and their published Lambda versions."""

    async def run(journal: Journal) -> dict[str, Any]:
        client = await connections.connect()
        aws_lambda = connections.aws("lambda", options["region"])
        await delete_builds(client, aws_lambda, deployment, options["keep"], journal)
        return await _inventory(client, deployment)

    _run(options, run)


async def _inventory(client: Any, name: str) -> dict[str, Any]:
    deployment = await describe_deployment(client, name)
    if deployment is None:
        raise DeployError(f"there is no worker deployment {name} in namespace {client.namespace}")
    found = await inventory.builds(client, deployment)
    return {**inventory.as_json(deployment, found), "table": inventory.as_table(found)}


def _ways(journal: Journal) -> dict[str, Any]:
    """What was done before it failed, and the two ways from there."""
    routed = [step for step in journal.done if step.startswith(("routing of ", "ramp to "))]
    back = "nothing to do, since new workflows go where they went before"
    if routed:
        back = "new workflows are routed otherwise now; 'rollback' says where, with --dry-run"
    return {"done": journal.done, "to_go_on": GO_ON, "to_go_back": back}


def _run(
    options: dict[str, Any], work: Callable[[Journal], Coroutine[Any, Any, dict[str, Any]]]
) -> None:
    """Run a command and print what came of it; the exit code is 0, or 1 if it failed."""
    as_json = options["as_json"]

    def tell(step: Step) -> None:
        if not as_json:
            click.echo(str(step))

    journal = Journal(dry_run=options["dry_run"], tell=tell)
    result: dict[str, Any] = {}
    try:
        result = asyncio.run(work(journal))
    except TemporalLambdaError as error:
        result |= {"error": str(error), **_ways(journal)}
    except KeyboardInterrupt:
        result |= {"error": "it was interrupted", **_ways(journal)}
    table = result.pop("table", [])
    if as_json:
        steps = [asdict(step) for step in journal.steps]
        click.echo(json.dumps({"steps": steps, **result}, indent=2))
    elif "error" not in result:
        click.echo("\n".join(["", *table] if journal.steps else table))
    else:
        done = ", ".join(result["done"]) or "nothing"
        ways = f"to go on: {result['to_go_on']}\nto go back: {result['to_go_back']}"
        click.echo(f"Error: {result['error']}\ndone: {done}\n{ways}", err=True)
    if "error" in result:
        sys.exit(1)
