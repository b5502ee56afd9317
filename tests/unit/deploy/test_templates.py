"""The templates are valid, and say what the documentation says."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint_file
from cfnlint.decode import cfn_yaml
from click.testing import CliRunner

from temporal_lambda.cli import main
from temporal_lambda.cloudwatch_metrics import NAMESPACE, UNITS
from temporal_lambda.deploy.checking.role_checks import check_role

EXAMPLES = Path(__file__).parents[3] / "examples" / "deploy"
ACCOUNT = EXAMPLES / "cloudformation" / "account.yaml"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:greeting"


def test_cloudformation_template_passes_cfn_lint() -> None:
    assert [str(match) for match in lint_file(ACCOUNT)] == []


@pytest.mark.skipif(not shutil.which("terraform"), reason="terraform is not on PyPI")
def test_terraform_is_formatted() -> None:
    command = ["terraform", "fmt", "-check", "-diff", str(EXAMPLES / "terraform")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def resolved(value: Any) -> Any:
    """A template's value with what a stack would put in."""
    if isinstance(value, list):
        return [resolved(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Sub" in value:
        names = {"Partition": "aws", "Region": "us-east-1", "AccountId": "123456789012"}
        text = str(value["Fn::Sub"]).replace("${FunctionName}", "greeting")
        return re.sub(r"\$\{AWS::(\w+)\}", lambda found: names[found[1]], text)
    return {name: resolved(item) for name, item in value.items()}


def test_invoke_role_is_what_check_wants() -> None:
    template = cfn_yaml.load(str(ACCOUNT))
    role = template["Resources"]["InvokeRole"]["Properties"]
    policies = [resolved(policy["PolicyDocument"]) for policy in role["Policies"]]
    assert list(check_role("role", ARN, role["AssumeRolePolicyDocument"], policies)) == []


def test_dashboard_and_alarms_show_metrics_that_exist() -> None:
    resources = cfn_yaml.load(str(ACCOUNT))["Resources"]
    body = json.loads(resolved(resources["Dashboard"]["Properties"]["DashboardBody"]))
    shown = {
        (metric[0], metric[1])
        for widget in body["widgets"]
        for metric in widget["properties"]["metrics"]
    }
    shown |= {
        (resource["Properties"]["Namespace"], resource["Properties"]["MetricName"])
        for resource in resources.values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert {name for namespace, name in shown if namespace == NAMESPACE} <= set(UNITS)


def test_pipeline_uses_options_that_exist() -> None:
    text = (EXAMPLES / "github" / "deploy.yaml").read_text()
    used = re.findall(r"temporal-lambda (\w+)((?:\s+[^\s]+)*?)(?=\n      -|\n\n|$)", text)
    assert {command for command, _ in used} == {"package", "deploy", "check", "rollback"}
    for command, arguments in used:
        offered = CliRunner().invoke(main, [command, "--help"]).output
        for option in re.findall(r"--[a-z-]+", arguments):
            assert option in offered, f"{command} {option}"
