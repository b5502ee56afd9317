"""What importing this package costs, and what it does not bring along."""

from __future__ import annotations

import functools
import importlib
import inspect
import subprocess
import sys
from typing import Any

import pytest


def modules_loaded_by(statement: str) -> set[str]:
    """All modules that are loaded after a statement, in a fresh interpreter."""
    code = f"import sys\n{statement}\nprint(*sorted(sys.modules))"
    return set(subprocess.check_output([sys.executable, "-c", code], text=True).split())


def modules_added_by(statement: str) -> set[str]:
    """Modules a statement loads on top of ``import temporalio.worker``, in a fresh interpreter."""
    code = (
        "import sys, temporalio.worker\n"
        "before = set(sys.modules)\n"
        f"{statement}\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    return set(subprocess.check_output([sys.executable, "-c", code], text=True).split())


WORKER = "from temporal_lambda import run_worker"


def test_import_loads_only_this_package_and_a_handful_of_modules() -> None:
    added = modules_added_by(WORKER)
    # Three modules of the standard library and the SDK, with what they bring on this Python.
    expected = modules_added_by("import concurrent.futures.thread, pathlib, temporalio.envconfig")
    ours = {name for name in added if name.startswith("temporal_lambda")}
    assert added - ours <= expected
    assert len(ours) <= 63


@pytest.mark.parametrize(
    "heavy", ["boto3", "aioboto3", "opentelemetry", "dagster", "aiohttp", "click", "tomllib"]
)
def test_import_loads_nothing_heavy(heavy: str) -> None:
    assert heavy not in modules_added_by(WORKER)


@pytest.mark.parametrize("package", ["temporal_lambda", "temporal_lambda.dagster"])
def test_package_loads_no_sdk_before_one_of_its_names_is_used(package: str) -> None:
    loaded = modules_loaded_by(f"import {package}")
    assert not {name for name in loaded if name.startswith("temporalio")}
    assert "asyncio" not in loaded


def test_launcher_brings_no_worker_into_dagsters_processes() -> None:
    loaded = modules_loaded_by("import temporal_lambda.dagster.launcher")
    unwanted = ("temporalio", "temporal_lambda.dagster.serving", "temporal_lambda.runtime")
    assert not {name for name in loaded if name.startswith(unwanted)}
    assert len({name for name in loaded if name.startswith("temporal_lambda")}) <= 52


@pytest.mark.parametrize("package", ["temporal_lambda", "temporal_lambda.dagster"])
def test_public_names_are_all_there_and_no_others(package: str) -> None:
    module = importlib.import_module(package)
    assert all(hasattr(module, name) for name in module.__all__)
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'run_wrker'"):
        _ = module.run_wrker


@pytest.mark.parametrize(
    ("part", "missing", "extra"),
    [
        ("local", "aiohttp", "local"),
        ("otel", "opentelemetry", "otel"),
        ("otel", "opentelemetry.sdk", "otel"),
        ("testing.background_stack", "awslambdaric", "local"),
        ("testing.direct", "awslambdaric", "local"),
    ],
)
def test_missing_extra_is_named(part: str, missing: str, extra: str) -> None:
    code = f"import sys; sys.modules['{missing}'] = None; import temporal_lambda.{part}"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    # Users' tests need the local stack.
    needs = "local" if part.startswith("testing.") else part
    assert f"temporal_lambda.{needs} needs {missing}" in result.stderr
    assert f"with its extra {extra}: pip install 'PATH[{extra}]'" in result.stderr


def test_secret_that_a_setting_names_needs_its_extra_at_the_cold_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handler = (
        "import sys; sys.modules['aws_lambda_powertools'] = None\n"
        "from temporal_lambda import run_worker\n"
        "from temporalio.common import WorkerDeploymentVersion\n"
        "run_worker(WorkerDeploymentVersion('service', 'v1'), print)\n"
        "print('boto3' in sys.modules)"
    )
    command = [sys.executable, "-c", handler]
    assert subprocess.check_output(command, text=True).strip() == "False"
    monkeypatch.setenv("TEMPORAL_LAMBDA_API_KEY_SECRET", "temporal/key")
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "temporal_lambda.aws needs aws_lambda_powertools" in result.stderr
    assert "with its extra aws: pip install 'PATH[aws]', where PATH is its wheel" in result.stderr


def test_package_that_is_there_but_too_old_is_no_missing_extra() -> None:
    code = (
        "import temporalio.contrib.opentelemetry as old; del old.ReplaySafeMeterProvider\n"
        "import temporal_lambda.otel"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert "ImportError: cannot import name 'ReplaySafeMeterProvider'" in result.stderr
    assert "pip install" not in result.stderr


def test_handler_is_a_function_that_decorators_can_wrap() -> None:
    from temporalio.common import WorkerDeploymentVersion

    import temporal_lambda

    version = WorkerDeploymentVersion("service", "v1")
    handler = temporal_lambda.run_worker(version, lambda config: None)
    assert inspect.isfunction(handler)
    assert functools.wraps(handler)(lambda event, context: None).__dict__["version"] == version


@pytest.mark.parametrize("parts", [("", "1"), ("a", " "), (None, "1"), ("a", None)])
def test_incomplete_version_is_an_error(parts: Any) -> None:
    from temporalio.common import WorkerDeploymentVersion

    import temporal_lambda

    with pytest.raises(ValueError, match="must have a deployment_name and a build_id"):
        temporal_lambda.run_worker(WorkerDeploymentVersion(*parts), lambda config: None)
