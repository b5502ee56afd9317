"""Fixtures of the tests of functions that execute a code location's own jobs."""

from __future__ import annotations

import importlib
import os
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from dagster import JobDefinition

from temporal_lambda.local import Function, LocalStack
from tests.dagster.conftest import one_database
from tests.dagster.dagster_fixtures import FUNCTIONS, Dagster, dagster_on_disk, sync
from tests.dagster.world import SETTINGS, World

CODE = FUNCTIONS / "code_jobs.py"

SECRET = "t0ken-of-the-functions"

Launch: TypeAlias = Callable[..., str]


class Functions:
    """Functions that hold the jobs of ``code_jobs``, and what a run needs to go there.

    Args:
        stack: Has the functions.
        storage: Where outputs are kept; it stands for a file system that all functions mount.
        jobs: The jobs by name.
    """

    def __init__(self, stack: LocalStack, storage: Path, jobs: dict[str, JobDefinition]) -> None:
        self.stack = stack
        self.jobs = jobs
        self._storage = storage

    def add(self, mode: str, seconds: float = 30, handler: str = "", **options: Any) -> str:
        """A function of one of the handlers; its name, also of its task queue, begins with it."""
        name = f"{mode}-{uuid.uuid4().hex[:6]}"
        environment = {
            "DEPLOYMENT": name,
            "QUEUE": name,
            "CODE_STORAGE": str(self._storage),
            "CODE_TOKEN": SECRET,
            "TEMPORAL_LAMBDA_IDLE_TIMEOUT": "300ms",
            "TEMPORAL_LAMBDA_GRACEFUL_SHUTDOWN_TIMEOUT": "500ms",
            **options.pop("environment", {}),
        }
        self.stack.create(
            Function(
                name,
                handler if "." in handler else f"code_handlers.{handler or mode}",
                FUNCTIONS,
                timeout=timedelta(seconds=seconds),
                # Dagster's import takes long where all processors are busy.
                init_timeout=timedelta(seconds=40),
                environment=environment,
                **options,
            )
        )
        return name

    @staticmethod
    def tags(function: str, **more: str) -> dict[str, str]:
        """Tags of a run that goes to a function."""
        durable = str(function.startswith("durable")).lower()
        return sync(function, run_code="true", durable=durable, **more)


class CodeWorld(World):
    """Dagster with the jobs of ``code_jobs``, which its functions hold as well.

    Args:
        dagster: The instance.
        functions: The functions.
    """

    def __init__(self, dagster: Dagster, functions: Functions) -> None:
        self.functions = functions
        self.named = {mode: functions.add(mode) for mode in ("durable", "inline")}
        super().__init__(dagster, CODE)

    def launch(
        self,
        function: str,
        job: str,
        run_config: Any = None,
        tags: Mapping[str, str] | None = None,
        **more: Any,
    ) -> str:
        """A run that the daemon launches."""
        own = self.functions.tags(function)
        return self.enqueue({**own, **(tags or {})}, run_config, self.functions.jobs[job], **more)


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where outputs are kept, also those of the jobs in this process."""
    folder = tmp_path_factory.mktemp("storage")
    # The definitions read one as they are loaded, here and in Dagster's processes, and the other
    # as a run is planned.
    names = {"CODE_STORAGE": str(folder), "CODE_TOKEN": "of-dagsters-own-processes"}
    os.environ.update(names)
    yield folder
    for name in names:
        del os.environ[name]


@pytest.fixture(scope="session")
def code_jobs(storage: Path) -> dict[str, JobDefinition]:
    """The jobs of ``tests/functions/code_jobs.py`` by name."""
    sys.path.insert(0, str(FUNCTIONS))
    try:
        module = importlib.import_module("code_jobs")
    finally:
        sys.path.remove(str(FUNCTIONS))
    return {job.name: job for job in module.defs.get_repository_def().get_all_jobs()}


@pytest.fixture(scope="session")
def functions(stack: LocalStack, storage: Path, code_jobs: dict[str, JobDefinition]) -> Functions:
    return Functions(stack, storage, code_jobs)


@pytest.fixture(scope="session")
def code_world(
    tmp_path_factory: pytest.TempPathFactory, stack: LocalStack, functions: Functions
) -> Iterator[CodeWorld]:
    """An instance with its daemon, which launches the runs."""
    home = tmp_path_factory.mktemp("code")
    settings = {**SETTINGS, **one_database(home)}
    with dagster_on_disk(home, stack.lambda_endpoint, settings) as dagster:
        world = CodeWorld(dagster, functions)
        try:
            world.daemon.start()
            yield world
        finally:
            world.close()


@pytest.fixture
def launch(beside: Dagster, functions: Functions) -> Launch:
    """Launches a run by this process; returns its id."""

    def launch(
        function: str,
        job: str,
        run_config: Any = None,
        tags: Mapping[str, str] | None = None,
        run: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> str:
        every = {**functions.tags(function), **(tags or {})}
        shown = {"steps_interval_seconds": 1, **values}
        return beside.launch(every, run_config, functions.jobs[job], run, **shown)

    return launch
