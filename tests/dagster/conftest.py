"""Fixtures of the tests around Dagster.

Those of the launching side use an instance in this process; the example's have all of Dagster.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

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


GROUPS = ("dagster_here", "world", "stack")
"""Fixtures that start processes. Tests of one of them run in one process of pytest-xdist, so that
each is started once."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        # All there are, of other folders too.
        names = getattr(item, "fixturenames", ()) if "dagster" in item.path.parts else ()
        if group := next((name for name in GROUPS if name in names), None):
            item.add_marker(pytest.mark.xdist_group(group))


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
