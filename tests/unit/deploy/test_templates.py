"""The templates are valid, and say what the documentation says."""

from __future__ import annotations

import copy
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
from samtranslator.translator.transform import transform

from temporal_lambda.cli import main
from temporal_lambda.cloudwatch_metrics import NAMESPACE, UNITS
from temporal_lambda.deploy.checking.function_checks import check_function
from temporal_lambda.deploy.checking.role_checks import check_role
from temporal_lambda.settings.table import SETTINGS, variable

EXAMPLES = Path(__file__).parents[3] / "examples" / "deploy"
ACCOUNT = EXAMPLES / "cloudformation" / "account.yaml"
SAM = EXAMPLES / "sam" / "template.yaml"
CDK = EXAMPLES / "cdk" / "app.py"
TERRAFORM = sorted((EXAMPLES / "terraform").glob("*.tf"))
ARN = "arn:aws:lambda:us-east-1:123456789012:function:greeting"


@pytest.mark.parametrize("template", [SAM, ACCOUNT], ids=lambda path: path.parent.name)
def test_template_passes_cfn_lint(template: Path) -> None:
    assert [str(match) for match in lint_file(template)] == []


@pytest.mark.skipif(
    not shutil.which("terraform"), reason="no package index has Terraform, and it is not here"
)
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


class NoPolicies:
    """The template names none of AWS's own policies, which the translator would look up."""

    def load(self) -> dict[str, str]:
        return {}


@pytest.fixture(scope="module")
def translated() -> dict[str, Any]:
    """The resources that AWS makes of the SAM template."""
    template = copy.deepcopy(cfn_yaml.load(str(SAM)))
    # As 'sam deploy' has it, once it has uploaded the zip.
    template["Resources"]["Function"]["Properties"]["CodeUri"] = "s3://bucket/function.zip"
    defaults = {name: p.get("Default", "given") for name, p in template["Parameters"].items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        made = transform(json.loads(json.dumps(template)), defaults, NoPolicies())
    return dict(made["Resources"])


def test_sam_delivers_events_to_the_published_version_without_retries(
    translated: dict[str, Any],
) -> None:
    (version,) = (n for n, r in translated.items() if r["Type"] == "AWS::Lambda::Version")
    delivery = translated["Delivery"]
    assert delivery["Properties"]["Qualifier"] == {"Fn::GetAtt": [version, "Version"]}
    assert delivery["Properties"]["MaximumRetryAttempts"] == 0
    assert delivery["UpdateReplacePolicy"] == "Retain"
    assert translated[version]["DeletionPolicy"] == "Retain"


def test_function_of_sam_is_what_check_wants(translated: dict[str, Any]) -> None:
    properties = {**translated["Function"]["Properties"], "Runtime": "python3.13"}
    variables = properties["Environment"]["Variables"]
    plain = {name: value for name, value in variables.items() if isinstance(value, str)}
    properties["Environment"] = {"Variables": plain}
    delivery = translated["Delivery"]["Properties"]
    assert list(check_function(properties, delivery)) == []


@pytest.mark.parametrize("sources", [[SAM], [CDK], TERRAFORM], ids=["sam", "cdk", "terraform"])
def test_template_sets_variables_that_exist(sources: list[Path]) -> None:
    text = "".join(source.read_text() for source in sources)
    set_here = set(re.findall(r"TEMPORAL_LAMBDA_\w+", text))
    assert set_here
    assert set_here <= {variable(name) for name in SETTINGS}
    assert not re.search(r"timeout\W+3\b", text)


def test_terraform_and_cdk_watch_what_cloudformation_watches() -> None:
    alarms = {
        resource["Properties"]["MetricName"]
        for resource in cfn_yaml.load(str(ACCOUNT))["Resources"].values()
        if resource["Type"] == "AWS::CloudWatch::Alarm"
    }
    terraform = (EXAMPLES / "terraform" / "watch.tf").read_text()
    in_terraform = re.findall(r"^    (\w+) += \{(?: space|$)", terraform, re.M)
    assert set(in_terraform) == alarms
    cdk = CDK.read_text()
    in_cdk = {metric for metric in alarms if f'"{metric}", "' in cdk or metric in snake(cdk)}
    assert in_cdk == alarms


def test_every_alarm_is_explained() -> None:
    text = (EXAMPLES.parents[1] / "docs" / "operations.md").read_text()
    resources = cfn_yaml.load(str(ACCOUNT))["Resources"]
    alarms = [n for n, r in resources.items() if r["Type"] == "AWS::CloudWatch::Alarm"]
    assert alarms
    assert [name for name in alarms if f"\n| {name} | " not in text] == []


def snake(text: str) -> set[str]:
    """Names of CDK's methods for metrics, as CloudWatch writes the metrics."""
    names = re.findall(r"metric_(\w+)\(", text)
    return {"".join(word.capitalize() for word in name.split("_")) for name in names}


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
