"""Runs without lambda tags, and the launcher that gets them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from dagster import DagsterInstance, DagsterRun

from temporal_lambda.dagster.dagster_internals import (
    CheckRunHealthResult,
    ConfigurableClassData,
    DagsterLaunchFailedError,
    LaunchRunContext,
    ResumeRunContext,
    RunLauncher,
    WorkerStatus,
)
from temporal_lambda.dagster.launcher import LambdaRunLauncher
from temporal_lambda.dagster.launching.config import LauncherConfig
from temporal_lambda.errors import SettingsError
from tests.dagster.dagster_fixtures import Dagster


class Inner(RunLauncher[DagsterInstance]):
    """Writes down what it is asked for."""

    supports_resume_run = True

    def __init__(self, healthy: bool = True) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # Dagster's.
        self.asked: list[str] = []
        self.healthy = healthy

    @property
    def supports_check_run_worker_health(self) -> bool:
        return self.healthy

    def launch_run(self, context: LaunchRunContext) -> None:
        assert self.has_instance
        self.asked.append("launch")

    def terminate(self, run_id: str) -> bool:
        self.asked.append("terminate")
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        self.asked.append("health")
        return CheckRunHealthResult(WorkerStatus.UNKNOWN)

    def get_run_worker_debug_info(
        self, run: DagsterRun, include_container_logs: bool | None = True
    ) -> str | None:
        return "info of inner"

    def resume_run(self, context: ResumeRunContext) -> None:
        self.asked.append("resume")

    def dispose(self) -> None:
        self.asked.append("dispose")

    def join(self, timeout: int = 30) -> None:
        self.asked.append("join")


def test_inner_launcher_gets_everything_about_runs_without_tags(dagster: Dagster) -> None:
    inner = Inner()
    launcher = LambdaRunLauncher(LauncherConfig(), inner)
    launcher.register_instance(dagster.instance)
    run = dagster.create({"team": "data"})
    launcher.launch_run(LaunchRunContext(run, None))
    assert launcher.terminate(run.run_id)
    assert launcher.check_run_worker_health(run).status is WorkerStatus.UNKNOWN
    assert launcher.get_run_worker_debug_info(run) == "info of inner"
    assert launcher.supports_resume_run
    launcher.resume_run(ResumeRunContext(run, None))
    launcher.join()
    launcher.dispose()
    assert inner.asked == ["launch", "terminate", "health", "resume", "join", "dispose"]


def test_runs_with_tags_never_reach_the_inner_launcher(dagster: Dagster) -> None:
    inner = Inner()
    launcher = LambdaRunLauncher(LauncherConfig(), inner)
    launcher.register_instance(dagster.instance)
    run = dagster.create({"lambda/payload_mode": "full"})
    with pytest.raises(DagsterLaunchFailedError, match="no function to invoke"):
        launcher.launch_run(LaunchRunContext(run, None))
    with pytest.raises(DagsterLaunchFailedError, match="may have done its work"):
        launcher.resume_run(ResumeRunContext(run, None))
    assert launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
    assert launcher.get_run_worker_debug_info(run) is None
    assert launcher.terminate(run.run_id)
    assert "its function can't be asked: no function to invoke" in dagster.log(run.run_id)
    assert not launcher.terminate(run.run_id)
    assert inner.asked == []


def test_inner_launcher_that_knows_no_health_is_left_alone(dagster: Dagster) -> None:
    inner = Inner(healthy=False)
    launcher = LambdaRunLauncher(LauncherConfig(), inner)
    health = launcher.check_run_worker_health(dagster.create({}))
    assert (health.status, inner.asked) == (WorkerStatus.RUNNING, [])


def rehydrated(config: Mapping[str, Any]) -> LambdaRunLauncher:
    data = ConfigurableClassData(
        "temporal_lambda.dagster.launcher", "LambdaRunLauncher", json.dumps(config)
    )
    launcher = data.rehydrate()
    assert isinstance(launcher, LambdaRunLauncher)
    return launcher


def test_inner_launcher_is_named_in_yaml() -> None:
    inner = {"module": "dagster", "class": "DefaultRunLauncher"}
    assert type(rehydrated({"inner": inner}).inner).__name__ == "DefaultRunLauncher"
    assert not rehydrated({}).supports_resume_run
    wrong = {
        "module": "dagster.core.storage.local_compute_log_manager",
        "class": "LocalComputeLogManager",
        "config": {"base_dir": "/tmp"},
    }
    with pytest.raises(SettingsError, match="LocalComputeLogManager is no run launcher"):
        rehydrated({"inner": wrong})


def test_configuration_of_yaml_has_the_defaults_of_the_class() -> None:
    assert rehydrated({}).config == LauncherConfig()


def test_configuration_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNCTION", "etl")
    monkeypatch.setenv("WAITS", "7")
    launcher = rehydrated(
        {"default_function_name": {"env": "FUNCTION"}, "max_concurrent_waits": {"env": "WAITS"}}
    )
    assert (launcher.config.default_function_name, launcher.config.max_concurrent_waits) == (
        "etl",
        7,
    )
    assert launcher.inst_data is not None
    with pytest.raises(SettingsError, match="max_concurrent_waits must be 1 or more; got 0"):
        rehydrated({"max_concurrent_waits": 0})
