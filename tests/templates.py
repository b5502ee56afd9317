"""Runs what is too heavy for the test suite over the templates in examples/deploy.

``sam validate``, ``cdk synth`` and ``checkov``, each in an environment of its own, since they want
other versions of the same packages; they are made below ``build/templates`` and take some 1.1 GB.
CDK needs Node. ``terraform fmt`` runs as well where Terraform is on the ``PATH``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

from cfnlint.api import lint_file

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "deploy"
BUILD = ROOT / "build" / "templates"
TOOLS = {
    "sam": ["aws-sam-cli==1.170.0"],
    "checkov": ["checkov==3.3.30"],
    "cdk": ["aws-cdk-lib==2.275.0", "constructs>=10,<11"],
}
CONTEXT = {
    "function": "greeting",
    "external_id": "external-id",
    "address": "there:7233",
    "namespace": "default",
    "api_key_secret": "temporal#api_key",
    "topic": "arn:aws:sns:us-east-1:123456789012:alarms",
}
SECONDS = 600

NOT_WANTED = {
    "CKV_AWS_115": "reserved concurrency is a decision about the account, see docs/sizing.md",
    "CKV_AWS_116": "a worker's failed events have a destination, on the version",
    "CKV_AWS_117": "a worker needs a VPC only if its Temporal server is in one",
    "CKV_AWS_158": "logs are encrypted with CloudWatch's own key",
    "CKV_AWS_173": "there is no secret in the variables",
    "CKV_AWS_27": "the queue is encrypted with SQS's own key",
    "CKV_AWS_272": "the zip is made, hashed and uploaded by the same pipeline",
    "CKV_AWS_338": "how long logs are kept is a parameter",
    "CKV_AWS_50": "tracing is OpenTelemetry's, see docs/telemetry.md",
}
"""Checks of checkov that do not apply, and why."""


def main() -> None:
    """Run all; the exit code says whether all went well."""
    failed = [check.__name__ for check in (sam, cdk, checkov, terraform) if not _passes(check)]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


def _passes(check: Callable[[], Iterator[str]]) -> bool:
    problems = list(check())
    print(f"{check.__name__}: {'; '.join(problems) or 'ok'}", flush=True)
    return not problems


def sam() -> Iterator[str]:
    """The SAM template, as ``sam deploy`` would take it."""
    template = EXAMPLES / "sam" / "template.yaml"
    command = ["sam", "validate", "--lint", "--region", "us-east-1", "--template", str(template)]
    yield from _run("sam", command, SAM_CLI_TELEMETRY="0")


def cdk() -> Iterator[str]:
    """The CDK app: it synthesizes, cfn-lint likes it, and it alarms as CloudFormation's does."""
    app, out = BUILD / "app", BUILD / "cdk.out"
    for folder in (app, out):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(EXAMPLES / "cdk", app)
    with zipfile.ZipFile(app / "function.zip", "w") as archive:
        archive.writestr("handler.py", "")
    variables = {"CDK_OUTDIR": str(out), "CDK_CONTEXT_JSON": json.dumps(CONTEXT)}
    problems = list(
        _run(
            "cdk",
            ["python", "app.py"],
            app,
            JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION="1",
            **variables,
        )
    )
    if problems:
        yield from problems
        return
    template = out / "greeting.template.json"
    # CDK writes out dependencies that follow from the rest (W3005).
    yield from (str(match) for match in lint_file(template) if match.rule.id != "W3005")
    resources = json.loads(template.read_text())["Resources"].values()
    yield from _wrong_in(list(resources))


def _wrong_in(resources: list[dict[str, object]]) -> Iterator[str]:
    kinds = [str(resource["Type"]) for resource in resources]
    for kind in ("AWS::Lambda::Function", "AWS::Lambda::Version", "AWS::CloudWatch::Dashboard"):
        if kinds.count(kind) != 1:
            yield f"there are {kinds.count(kind)} of {kind}"
    (version,) = (r for r in resources if r["Type"] == "AWS::Lambda::Version")
    (delivery,) = (r for r in resources if r["Type"] == "AWS::Lambda::EventInvokeConfig")
    for kept, policy in ((version, "DeletionPolicy"), (delivery, "UpdateReplacePolicy")):
        if kept.get(policy) != "Retain":
            yield f"{kept['Type']} does not stay when the next one comes"
    properties = delivery["Properties"]
    assert isinstance(properties, dict)
    if properties["MaximumRetryAttempts"] != 0 or "Fn::GetAtt" not in properties["Qualifier"]:
        yield f"events are delivered otherwise: {properties}"


def checkov() -> Iterator[str]:
    """All templates, and what CDK makes."""
    places = [EXAMPLES, BUILD / "cdk.out"]
    command = ["checkov", "--quiet", "--compact", "--skip-download", "--framework"]
    command += ["cloudformation", "terraform", "--skip-check", ",".join(NOT_WANTED)]
    command += [word for place in places for word in ("--directory", str(place))]
    yield from _run("checkov", command)


def terraform() -> Iterator[str]:
    """Terraform's own format. It can't validate without its registry of providers."""
    if not shutil.which("terraform"):
        print("terraform: it is not on the PATH, and no package index has it")
        return
    yield from _run(None, ["terraform", "fmt", "-check", "-diff", str(EXAMPLES / "terraform")])


def _run(
    tool: str | None, command: list[str], directory: Path = ROOT, **variables: str
) -> Iterator[str]:
    """Run a command; what it said, if it failed."""
    if tool:
        command = [str(_environment(tool) / command[0]), *command[1:]]
    environment = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1", **variables}
    done = subprocess.run(
        command, cwd=directory, env=environment, capture_output=True, text=True, timeout=SECONDS
    )
    if done.returncode:
        yield f"{command[0]} ended with {done.returncode}:\n{done.stdout}{done.stderr}"


def _environment(tool: str) -> Path:
    """The folder of a tool's commands; it is installed on first use."""
    place, done = BUILD / tool, BUILD / f"{tool}.installed"
    wanted = " ".join(TOOLS[tool])
    if not (done.is_file() and done.read_text() == wanted):
        print(f"installing {wanted}", flush=True)
        uv = [sys.executable, "-m", "uv", "--quiet"]
        subprocess.run([*uv, "venv", "--clear", str(place)], check=True)
        install = [*uv, "pip", "install", "--python", str(place / "bin" / "python"), *TOOLS[tool]]
        subprocess.run(install, check=True)
        done.write_text(wanted)
    return place / "bin"


if __name__ == "__main__":
    main()
