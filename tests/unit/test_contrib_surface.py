"""The public surface of the installed temporalio's contrib module is ours as well."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
from temporalio.common import WorkerDeploymentVersion
from temporalio.contrib.aws import lambda_worker as contrib
from temporalio.contrib.aws.lambda_worker import otel as contrib_otel

import temporal_lambda
from temporal_lambda import otel

VERSION = WorkerDeploymentVersion("service", "1")


def members(module: ModuleType) -> dict[str, Any]:
    """What a module lets its users import."""
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]
    return {name: getattr(module, name) for name in names}


def parameters(function: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    """Name, kind and default of each argument."""
    return [
        (parameter.name, parameter.kind, parameter.default)
        for parameter in inspect.signature(function).parameters.values()
    ]


@pytest.mark.parametrize(("theirs", "ours"), [(contrib, temporal_lambda), (contrib_otel, otel)])
def test_every_name_of_contrib_is_here_with_its_arguments(
    theirs: ModuleType, ours: ModuleType
) -> None:
    for name, member in members(theirs).items():
        assert hasattr(ours, name), name
        if inspect.isfunction(member):
            expected, here = parameters(member), parameters(getattr(ours, name))
            assert here[: len(expected)] == expected, name
            assert all(
                default is not inspect.Parameter.empty for *_, default in here[len(expected) :]
            )
        if dataclasses.is_dataclass(member):
            fields = [field.name for field in dataclasses.fields(member)]
            present = [field.name for field in dataclasses.fields(getattr(ours, name))]
            assert present[: len(fields)] == fields, name


def test_names_of_contrib_are_those_we_know() -> None:
    """A new one in a later temporalio needs a counterpart, or a line in the document."""
    assert set(members(contrib)) == {"LambdaWorkerConfig", "run_worker"}
    assert set(members(contrib_otel)) == {
        "OtelOptions",
        "apply_defaults",
        "apply_tracing",
        "build_metrics_telemetry_config",
    }


DOCUMENTED = {"sticky_queue_schedule_to_start_timeout": timedelta(seconds=2)}
"""Options of the worker that contrib leaves to the SDK."""


def test_callback_finds_the_defaults_of_contrib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEMPORAL_TASK_QUEUE", raising=False)
    seen: list[Any] = []
    for module in (contrib, temporal_lambda):
        # It ends by the missing task queue.
        with pytest.raises(ValueError, match="task queue"):
            module.run_worker(VERSION, seen.append)({}, None)
    theirs, ours = seen
    assert ours.worker_config == {**theirs.worker_config, **DOCUMENTED}
    assert ours.client_connect_config == theirs.client_connect_config
    assert ours.shutdown_deadline_buffer == theirs.shutdown_deadline_buffer
    assert ours.shutdown_hooks == theirs.shutdown_hooks


def test_options_of_telemetry_have_the_defaults_of_contrib() -> None:
    theirs, ours = contrib_otel.OtelOptions(), otel.OtelOptions()
    for field in dataclasses.fields(theirs):
        assert getattr(ours, field.name) == getattr(theirs, field.name)
