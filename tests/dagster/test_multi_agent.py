"""The configuration of the two agents, read by Dagster+'s own code."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster_cloud.instance import DagsterCloudAgentInstance
from dagster_cloud_cli.config import DagsterCloudConfigDefaultsMerger
from dagster_cloud_cli.config.models import Location, load_dagster_cloud_yaml

EXAMPLE = Path(__file__).parents[2] / "examples" / "dagster"
AGENTS = EXAMPLE / "multi_agent"

ENVIRONMENT = {
    "DAGSTER_CLOUD_AGENT_TOKEN": "agent:shop:not-a-token",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "ECS_CLUSTER": "shop",
    "ECS_SUBNET": "subnet-1",
    "ECS_EXECUTION_ROLE_ARN": "arn:aws:iam::123456789012:role/execution",
    "ECS_LOG_GROUP": "/dagster",
    "ECS_NAMESPACE_ID": "ns-1",
}
