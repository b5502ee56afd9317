"""Fixtures of the tests around Dagster.

Those of the launching side use an instance in this process; the example's have all of Dagster.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped] # xdist's.

from examples.dagster.demo.dagster_here import DagsterHere
from examples.dagster.demo.scenario import example
from temporal_lambda.dagster.launching import pauses, wait_pool, workflow_cancel
from temporal_lambda.local import LocalStack
from tests.dagster.dagster_fixtures import Dagster, Lambda, dagster_on_disk
from tests.dagster.world import SETTINGS, World

DIRECT = {
    "run_coordinator": {
        "module": "dagster.core.run_coordinator",
        "class": "DefaultRunCoordinator",
    }
}


class ByFolder(LoadScopeScheduling):  # type: ignore[misc] # xdist has no types.
    """Gives the tests of each folder below this one to one process; the others go to any."""

    def _split_scope(self, nodeid: str) -> str:
        folders = Path(nodeid.partition("::")[0]).parent.parts
        here = Path(__file__).parent.name
        below = folders[folders.index(here) + 1 :] if here in folders else ()
        return below[0] if below else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFolder | None:
    """With ``--dist loadscope``, what takes long to start is started in one process."""
    return ByFolder(config, log) if config.getoption("dist") == "loadscope" else None


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pauses, "PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(pauses, "LONGEST_PAUSE_SECONDS", 1.0)
    monkeypatch.setattr(workflow_cancel, "FIRST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(wait_pool, "TEND_SECONDS", 0.5)


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where functions that speak the protocol keep what they know of runs."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="session")
def aws(state: Path) -> Iterator[Lambda]:
    with Lambda() as aws:
        for name in ("echo", "fail", "fail_with_status", "exit", "materialize", "big", "queue"):
            aws.add(name)
        for name in ("protocol", "exit_once"):
            aws.add(name, environment={"STATE": str(state)})
        aws.add("patient", "protocol", environment={"STATE": str(state), "PATIENCE": "2"})
        # It ends as soon as it is canceled.
        aws.add("tireless", "protocol", environment={"STATE": str(state), "PATIENCE": "9"})
        aws.add("nap", environment={"NAP": "1"})
        aws.add("doze", "nap", environment={"NAP": "5"})
        aws.add("oversleeps", "nap", seconds=0.5, environment={"NAP": "5"})
        yield aws


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, aws: Lambda) -> Iterator[World]:
    """An instance whose runs are queued, with its daemon and its webserver."""
    home = tmp_path_factory.mktemp("world")
    with dagster_on_disk(home, aws.endpoint, {**SETTINGS, **one_database(home)}) as dagster:
        world = World(dagster)
        try:
            yield world
        finally:
            world.close()


@pytest.fixture(scope="session")
def dagster(tmp_path_factory: pytest.TempPathFactory, aws: Lambda) -> Iterator[Dagster]:
    """An instance whose coordinator launches at once."""
    home = tmp_path_factory.mktemp("dagster")
    settings = {**DIRECT, **one_database(home)}
    with dagster_on_disk(home, aws.endpoint, settings) as dagster:
        yield dagster


@pytest.fixture(scope="session")
def beside(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dagster]:
    """An instance whose runs are launched by this process, and go to the stack."""
    home = tmp_path_factory.mktemp("beside")
    settings = {**DIRECT, **one_database(home)}
    with dagster_on_disk(home, stack.lambda_endpoint, settings) as dagster:
        yield dagster


def one_database(home: Path) -> dict[str, Any]:
    """Settings for event logs in one database; by default each run has its own, which is slow."""
    storage = {
        "module": "dagster.core.storage.event_log",
        "class": "ConsolidatedSqliteEventLogStorage",
        "config": {"base_dir": str(home)},
    }
    return {"event_log_storage": storage}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def dagster_here(stack: LocalStack) -> AsyncIterator[DagsterHere]:
    """The example's functions in the session's stack, with Dagster's webserver and daemon."""
    async with example(stack) as dagster:
        yield dagster
