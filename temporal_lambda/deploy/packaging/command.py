"""The command ``temporal-lambda package``."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from temporal_lambda.deploy.packaging.build import Options
from temporal_lambda.deploy.packaging.build import package as build
from temporal_lambda.deploy.packaging.report import Report
from temporal_lambda.deploy.packaging.requirements import Requirements
from temporal_lambda.deploy.packaging.target import ARCHITECTURES, PYTHONS, Target
from temporal_lambda.deploy.packaging.version import Version
from temporal_lambda.errors import TemporalLambdaError

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
MACHINE = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"

DIRECTORY = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("project", type=DIRECTORY, default=".")
@click.option(
    "--handler",
    default="handler.lambda_handler",
    show_default=True,
    metavar="MODULE.ATTRIBUTE",
    help="The handler, as in Lambda's own setting.",
)
@click.option(
    "--python",
    type=click.Choice(PYTHONS),
    default=HERE,
    show_default="this Python's version",
    help="The runtime's version.",
)
@click.option(
    "--arch",
    type=click.Choice(ARCHITECTURES),
    default=MACHINE,
    show_default="this machine's",
    help="The function's architecture.",
)
@click.option("-o", "--output", type=FILE, default="function.zip", show_default=True)
@click.option(
    "--requirements",
    type=FILE,
    help="What it needs  [default: PROJECT's uv.lock, else pyproject.toml, else requirements.txt]",
)
@click.option("--extra", "extras", multiple=True, help="An extra of the project; repeatable.")
@click.option("--group", "groups", multiple=True, help="A dependency group; repeatable.")
@click.option(
    "--source",
    type=DIRECTORY,
    help="Directory of the function's own code  [default: PROJECT, or PROJECT/src]",
)
@click.option("--include", multiple=True, metavar="GLOB", help="Take these paths all the same.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave these paths out.")
@click.option(
    "--bytecode",
    type=click.Choice(["auto", "require", "off"]),
    default="auto",
    show_default=True,
    help="Compile the sources, which needs a Python of the runtime's version.",
)
@click.option("--interpreter", metavar="PATH", help="That Python  [default: one that is found]")
@click.option("--allow-secrets", is_flag=True, help="Warn of credentials, do not refuse them.")
@click.option("--deployment-name", help="For a handler that can't be imported here.")
@click.option("--build-id", help="For a handler that can't be imported here.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def package(project: Path, **options: Any) -> None:
    """Package a function as a zip for Lambda.

    Installs what PROJECT needs as wheels for the runtime, adds its own code and bytecode, leaves
    out what no function needs, and writes one zip, the same bytes for the same input. A report of
    it lies beside the zip, and 'deploy' reads it.
    """
    named = options["deployment_name"], options["build_id"]
    if any(named) and not all(named):
        raise click.UsageError("--deployment-name and --build-id are given together")
    try:
        report = build(
            Options(
                handler=options["handler"],
                target=Target(options["python"], options["arch"]),
                requirements=Requirements(
                    project.resolve(), options["requirements"], options["extras"], options["groups"]
                ),
                source=options["source"],
                include=options["include"],
                exclude=options["exclude"],
                bytecode=options["bytecode"],
                interpreter=options["interpreter"],
                allow_secrets=options["allow_secrets"],
                version=Version(*named) if all(named) else None,
            ),
            options["output"],
        )
    except TemporalLambdaError as error:
        raise click.ClickException(str(error)) from None
    if options["as_json"]:
        click.echo(json.dumps(asdict(report), indent=2, sort_keys=True))
    else:
        _show(report, options["output"])
    for warning in report.warnings:
        click.echo(f"warning: {warning}", err=True)


def _show(report: Report, output: Path) -> None:
    compiled = report.bytecode
    version = f"{report.deployment_name}, build {report.build_id}"
    zipped, unpacked = report.zipped_bytes / 1e6, report.unpacked_bytes / 1e6
    lines = {
        "zip": f"{output} ({zipped:.1f} MB; {unpacked:.1f} MB in {report.files} files)",
        "runs on": f"python{report.python}, {report.arch}",
        "handler": report.handler,
        "version": version if report.build_id else "unknown",
        "bytecode": f"{compiled['compiled']} files, by Python {compiled['interpreter']}"
        if compiled["compiled"]
        else f"none: {compiled['why_not']}",
        "hash": f"{report.code_sha256} (CodeSha256)",
        "left out": ", ".join(
            f"{reason} {tally['bytes'] / 1e6:.1f} MB" for reason, tally in report.dropped.items()
        )
        or "nothing",
    }
    for name, text in lines.items():
        click.echo(f"{name:<10}{text}")
    for part in report.largest:
        click.echo(f"{'':<10}{part['unpacked_bytes'] / 1e6:6.2f} MB  {part['name']}")
