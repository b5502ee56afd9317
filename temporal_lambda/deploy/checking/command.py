"""The command ``temporal-lambda check``: gathers what the findings need, and only reads."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from typing import Any
from urllib.parse import unquote

import click
from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.deploy import connections
from temporal_lambda.deploy.checking.findings import Finding
from temporal_lambda.deploy.checking.function_checks import check_function
from temporal_lambda.deploy.checking.handler_checks import check_handler, check_times
from temporal_lambda.deploy.checking.local_code import LocalCode, is_local, look_at
from temporal_lambda.deploy.checking.role_checks import check_role
from temporal_lambda.deploy.checking.server_checks import check_deployment
from temporal_lambda.deploy.checking.zip_checks import check_build, check_zip
from temporal_lambda.deploy.connections import ask_aws
from temporal_lambda.deploy.errors import DeployError
from temporal_lambda.deploy.rollout import inventory
from temporal_lambda.errors import TemporalLambdaError
from temporal_lambda.worker_deployment.registration import Compute
from temporal_lambda.worker_deployment.states import describe_deployment, describe_version

NONE = ("ResourceNotFoundException",)


@click.command()
@click.argument("target", metavar="DEPLOYMENT|ZIP|DIRECTORY")
@click.option(
    "--handler",
    default="handler.lambda_handler",
    show_default=True,
    metavar="MODULE.ATTRIBUTE",
    help="The handler in a directory; a zip's report names its own.",
)
@click.option("--offline", is_flag=True, help="Look at the code alone.")
@click.option("--region", help="The AWS region  [default: AWS's own settings]")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def check(target: str, handler: str, offline: bool, region: str | None, as_json: bool) -> None:
    """Look for what will fail, leak or cost; change nothing.

    For a DEPLOYMENT, looks at its builds on the Temporal server that get workflows or have some
    left, at their Lambda functions, and at the roles that invoke these. For a ZIP of 'package', or
    for a project's DIRECTORY (written with a slash, or as a dot), looks at the code first: imports
    the handler, and runs its configure callback once. The exit code is 1 if an error was found.
    """
    if offline and not is_local(target):
        raise click.UsageError("--offline goes with a zip or a directory")
    try:
        code = look_at(target, handler) if is_local(target) else None
        findings = list(_check_code(code)) if code else []
        name = code.deployment if code else target
        if name and not offline:
            findings += asyncio.run(_check(name, region, code))
    except TemporalLambdaError as error:
        raise click.ClickException(str(error)) from None
    order = {"error": 0, "warning": 1, "note": 2}
    findings = sorted(dict.fromkeys(findings), key=lambda finding: order[finding.severity])
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        click.echo("\n".join(map(str, findings)) or "nothing found")
    sys.exit(1 if any(finding.severity == "error" for finding in findings) else 0)


def _check_code(code: LocalCode) -> Iterator[Finding]:
    yield from check_handler(code.name, code.described)
    if code.report:
        yield from check_zip(code.report, code.is_as_reported, code.secrets)
    if configuration := code.described.get("configuration"):
        yield from check_times(configuration)


async def _check(name: str, region: str | None, code: LocalCode | None) -> list[Finding]:
    client = await connections.connect()
    deployment = await describe_deployment(client, name)
    if deployment is None and code:
        return list(check_build(code.report, [])) if code.report else []
    if deployment is None:
        raise DeployError(f"there is no worker deployment {name} in namespace {client.namespace}")
    builds = await inventory.builds(client, deployment)
    findings = list(check_deployment(deployment, builds))
    if code and code.report:
        findings += check_build(code.report, builds)
    for build in builds:
        if build.function and not build.deletable:
            version = WorkerDeploymentVersion(name, build.build_id)
            compute = await _compute(client, version)
            if compute:
                same = code if code and code.build_id == build.build_id else None
                look = partial(_function, compute, region, version, same)
                findings += _look(look, compute.arn)
                findings += _look(partial(_role, compute), compute.role or "")
    return findings


async def _compute(client: Client, version: WorkerDeploymentVersion) -> Compute | None:
    state = await describe_version(client, version)
    return state.compute if state else None


def _look(checks: Callable[[], Iterator[Finding]], what: str) -> list[Finding]:
    try:
        return list(checks())
    except DeployError as error:
        return [
            Finding(
                "not-checked",
                "warning",
                f"{what} could not be looked at",
                str(error),
                "run it with an identity that may read it",
            )
        ]


def _function(
    compute: Compute, region: str | None, build: WorkerDeploymentVersion, code: LocalCode | None
) -> Iterator[Finding]:
    client = connections.aws("lambda", region)
    configuration = ask_aws(
        "its configuration", client.get_function_configuration, FunctionName=compute.arn
    )
    name, _, version = ":".join(compute.arn.split(":")[6:]).partition(":")
    delivery = ask_aws(
        "its event delivery",
        client.get_function_event_invoke_config,
        unless=NONE,
        FunctionName=name,
        Qualifier=version or "$LATEST",
    )
    described = code.described.get("configuration") if code else None
    buffer = described["shutdown_deadline_buffer"] if described else 0.0
    yield from check_function(configuration, delivery, build, buffer)
    if described:
        yield from check_times(described, configuration["Timeout"], f"{name}:{version}")


def _role(compute: Compute) -> Iterator[Finding]:
    if compute.role is None:
        return
    iam = connections.aws("iam")
    name = compute.role.rpartition("/")[2]
    role = ask_aws("its trust policy", iam.get_role, RoleName=name)["Role"]
    policies = [
        _document(ask_aws("its policy", iam.get_role_policy, RoleName=name, PolicyName=policy))
        for policy in ask_aws("its policies", iam.list_role_policies, RoleName=name)["PolicyNames"]
    ]
    attached = ask_aws("its policies", iam.list_attached_role_policies, RoleName=name)
    for policy in attached["AttachedPolicies"]:
        arn = policy["PolicyArn"]
        version = ask_aws("its policy", iam.get_policy, PolicyArn=arn)["Policy"]["DefaultVersionId"]
        found = ask_aws("its policy", iam.get_policy_version, PolicyArn=arn, VersionId=version)[
            "PolicyVersion"
        ]
        policies.append(_document({"PolicyDocument": found["Document"]}))
    unqualified = ":".join(compute.arn.split(":")[:7])
    trust = _document({"PolicyDocument": role["AssumeRolePolicyDocument"]})
    yield from check_role(compute.role, unqualified, trust, policies)


def _document(answer: dict[str, Any]) -> dict[str, Any]:
    document = answer["PolicyDocument"]
    if isinstance(document, str):
        document = json.loads(unquote(document))
    return dict(document)
