"""The version of a handler, found in the handler or in what stands around it."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from temporal_lambda.describe_handler import describe

WORKER = """
import functools
from temporalio.common import WorkerDeploymentVersion
from temporal_lambda import run_worker

def configure(config):
    config.worker_config["task_queue"] = "q"

worker = run_worker(WorkerDeploymentVersion("service", "1"), configure)
"""


@pytest.fixture
def described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(tmp_path)

    def describe_module(code: str) -> dict[str, Any]:
        (tmp_path / "app_under_test.py").write_text(WORKER + textwrap.dedent(code))
        sys.modules.pop("app_under_test", None)
        return describe("app_under_test.lambda_handler")

    return describe_module


@pytest.mark.parametrize(
    "code",
    [
        "lambda_handler = worker",
        """
        def lambda_handler(event, context):
            return worker(event, context)
        """,
        """
        def logged(handler):
            def call(event, context):
                return handler(event, context)
            return call

        lambda_handler = logged(worker)
        """,
        """
        def logged(handler):
            @functools.wraps(handler)
            def call(event, context):
                return handler(event, context)
            return call

        lambda_handler = logged(worker)
        """,
        """
        class Logged:
            def __call__(self, event, context):
                return worker(event, context)

        lambda_handler = Logged()
        """,
        """
        other = run_worker(WorkerDeploymentVersion("another", "2"), configure)

        def lambda_handler(event, context):
            return worker(event, context)
        """,
    ],
)
def test_wrapped_handler_has_the_version_of_what_it_wraps(described: Any, code: str) -> None:
    assert described(code) == {"deployment_name": "service", "build_id": "1", "connects": True}


@pytest.mark.parametrize(
    "code",
    [
        """
        other = run_worker(WorkerDeploymentVersion("another", "2"), configure)

        def lambda_handler(event, context):
            return (worker if event else other)(event, context)
        """,
        """
        from temporalio.contrib.aws.lambda_worker import run_worker

        lambda_handler = run_worker(WorkerDeploymentVersion("service", "1"), configure)
        del worker
        """,
    ],
)
def test_version_that_is_not_certain_is_unknown(described: Any, code: str) -> None:
    assert described(code) == {"deployment_name": None, "build_id": None, "connects": False}


@pytest.mark.parametrize(("durable", "connects"), [("True", True), ("False", False)])
def test_handler_for_dagster_needs_a_server_if_its_runs_are_durable(
    durable: str, connects: bool, described: Any
) -> None:
    code = f"""
    from temporal_lambda.dagster import run_dagster_worker

    version = WorkerDeploymentVersion("service", "1")
    lambda_handler = run_dagster_worker(version, configure, durable={durable})
    """
    assert described(code)["connects"] is connects
