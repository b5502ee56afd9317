"""The configuration of the two agents, read by Dagster+'s own code."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster_cloud.instance import DagsterCloudAgentInstance
from dagster_cloud.workspace.ecs.run_launcher import CloudEcsRunLauncher
from dagster_cloud_cli.config import DagsterCloudConfigDefaultsMerger
from dagster_cloud_cli.config.models import Location, load_dagster_cloud_yaml

from temporal_lambda.dagster.launcher import LambdaRunLauncher

ROOT = Path(__file__).parents[2]
AGENTS = ROOT / "examples" / "dagster" / "multi_agent"

ENVIRONMENT = {
    "DAGSTER_CLOUD_AGENT_TOKEN": "agent:shop:not-a-token",
    "AWS_DEFAULT_REGION": "us-east-1",
    "ECS_CLUSTER": "shop",
    "ECS_SUBNET": "subnet-1",
    "ECS_EXECUTION_ROLE_ARN": "arn:aws:iam::123456789012:role/execution",
    "ECS_LOG_GROUP": "/dagster",
    "ECS_NAMESPACE_ID": "ns-1",
}

LoadAgent = Callable[[str], DagsterCloudAgentInstance]


@pytest.fixture
def load_agent(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoadAgent]:
    """Makes an agent's instance of its ``dagster.yaml``, as its process does."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as stack:

        def load(agent: str) -> DagsterCloudAgentInstance:
            instance = stack.enter_context(dg.DagsterInstance.from_config(str(AGENTS / agent)))
            assert isinstance(instance, DagsterCloudAgentInstance)
            return instance

        yield load


def locations() -> dict[str, Location]:
    text = (AGENTS / "dagster_cloud.yaml").read_text()
    # It has no annotations.
    merger: Any = DagsterCloudConfigDefaultsMerger
    found = merger().process(load_dagster_cloud_yaml(text))
    return {location.location_name: location for location in found.locations}


def jobs(location: Location, monkeypatch: pytest.MonkeyPatch) -> list[dg.JobDefinition]:
    """The jobs of a code location, loaded from where its entry says."""
    assert location.working_directory
    assert location.code_source
    assert location.code_source.module_name
    monkeypatch.syspath_prepend(str(ROOT / location.working_directory))
    module = importlib.import_module(location.code_source.module_name)
    return list(module.defs.get_repository_def().get_all_jobs())


def test_lambda_agent_takes_only_its_queue_and_launches_in_lambda(load_agent: LoadAgent) -> None:
    agent = load_agent("lambda_agent")
    assert agent.agent_queues_config.queues == ["lambda"]
    assert isinstance(agent.user_code_launcher.run_launcher(), LambdaRunLauncher)


# Dagster's own launcher for ECS warns of a function of Dagster's own.
@pytest.mark.filterwarnings("ignore:Function `get_secrets_from_arns`")
def test_ecs_agent_takes_only_its_queue_and_launches_containers(load_agent: LoadAgent) -> None:
    agent = load_agent("ecs_agent")
    assert agent.agent_queues_config.queues == ["ecs"]
    assert isinstance(agent.user_code_launcher.run_launcher(), CloudEcsRunLauncher)


def test_each_location_is_served_by_exactly_one_agent(load_agent: LoadAgent) -> None:
    agents = {name: load_agent(name).agent_queues_config for name in ("lambda_agent", "ecs_agent")}
    served = {
        name: [agent for agent, queues in agents.items() if queues.matches(location.agent_queue)]
        for name, location in locations().items()
    }
    assert served == {"lambda_jobs": ["lambda_agent"], "python_jobs": ["ecs_agent"]}
    assert not any(queues.matches(None) for queues in agents.values())


def test_lambda_location_has_the_tagged_jobs_and_the_other_one_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tagged = {
        name: {
            any(tag.startswith("lambda/") for tag in job.tags) for job in jobs(found, monkeypatch)
        }
        for name, found in locations().items()
    }
    assert tagged == {"lambda_jobs": {True}, "python_jobs": {False}}
