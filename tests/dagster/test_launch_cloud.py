"""The launcher in an agent of Dagster+, loaded as the agent loads it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance

from temporal_lambda.dagster.launcher import LambdaRunLauncher
from temporal_lambda.dagster.launching import run_facts

AGENT = {
    "instance_class": {"module": "dagster_cloud.instance", "class": "DagsterCloudAgentInstance"},
    "dagster_cloud_api": {
        "agent_token": "agent:hooli:s3cret",
        "deployment": "prod",
    },
    "agent_queues": {"include_default_queue": False, "additional_queues": ["lambda"]},
    "user_code_launcher": {
        "module": "temporal_lambda.dagster.cloud",
        "class": "LambdaUserCodeLauncher",
        "config": {
            "run_launcher": {
                "default_function_name": "etl",
                "default_invocation_type": "RequestResponse",
            }
        },
    },
}


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Any]:
    (tmp_path / "dagster.yaml").write_text(json.dumps(AGENT))
    with DagsterInstance.from_config(str(tmp_path)) as instance:
        yield instance


def test_agent_launches_runs_on_lambda(agent: Any) -> None:
    launcher = agent.user_code_launcher.run_launcher()
    assert isinstance(launcher, LambdaRunLauncher)
    assert launcher is agent.run_launcher
    assert launcher.config.default_function_name == "etl"
    assert launcher.config.default_invocation_type == "RequestResponse"
    assert launcher.has_instance


def test_agent_runs_the_rest_in_processes(agent: Any) -> None:
    inner = agent.run_launcher.inner
    assert type(inner).__name__ == "CloudProcessRunLauncher"
    assert inner.has_instance


def test_payloads_name_organization_and_deployment(agent: Any) -> None:
    assert run_facts.identity(agent) == ("hooli", "prod")
