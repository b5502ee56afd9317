"""docs/migration.md: what differs from the contrib module, seen in both of them.

A difference that has gone makes its test fail here: then it leaves the document too.
"""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from temporalio.common import WorkerDeploymentVersion
from temporalio.contrib.aws import lambda_worker as contrib

import temporal_lambda

VERSION = WorkerDeploymentVersion(deployment_name="migration", build_id="1")
DATABASE = sqlite3.connect(":memory:")
LOCAL = threading.local()
LOCAL.value = "set at import"


def invoke(module: ModuleType, configure: Callable[[Any], Any], context: object = None) -> str:
    """Run one invocation without a server: it ends by the missing task queue or address.

    Returns:
        The name of the error it ends with.
    """
    handler = module.run_worker(VERSION, configure)
    with pytest.raises(Exception, match=r".") as raised:
        handler({}, context)
    return raised.type.__name__


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing listens where the worker connects to."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    monkeypatch.delenv("TEMPORAL_TASK_QUEUE", raising=False)


class Transaction:
    """What a user might open around the ``yield``."""

    def __init__(self) -> None:
        self.ended_by = ""

    async def __aenter__(self) -> Transaction:
        return self

    async def __aexit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        self.ended_by = "rollback" if error_type else "commit"


@pytest.mark.parametrize(
    ("module", "expected"), [(contrib, "rollback"), (temporal_lambda, "commit")]
)
def test_transaction_around_a_bare_yield(module: ModuleType, expected: str) -> None:
    transaction = Transaction()

    async def configure(config: Any) -> AsyncIterator[None]:
        async with transaction:
            yield

    invoke(module, configure)
    assert transaction.ended_by == expected


@pytest.mark.parametrize("module", [contrib, temporal_lambda])
def test_transaction_of_a_context_manager_rolls_back(module: ModuleType) -> None:
    inner, outer = Transaction(), Transaction()

    @asynccontextmanager
    async def configure(config: Any) -> AsyncIterator[None]:
        async with inner:
            yield

    invoke(module, configure)
    invoke(module, lambda config: outer)
    assert (inner.ended_by, outer.ended_by) == ("rollback", "rollback")


def test_code_after_a_bare_yield_can_ask_for_the_error() -> None:
    errors: list[BaseException | None] = []

    async def configure(config: Any) -> AsyncIterator[None]:
        yield
        errors.append(config.invocation.error)

    assert invoke(temporal_lambda, configure) == "TaskQueueError"
    assert [type(error).__name__ for error in errors] == ["TaskQueueError"]


def use_sqlite() -> None:
    DATABASE.execute("select 1")


def use_thread_local() -> None:
    assert LOCAL.value


def set_signal_handler() -> None:
    signal.signal(signal.SIGUSR1, signal.getsignal(signal.SIGUSR1))


def add_signal_handler_to_the_loop() -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, lambda: None)
    loop.remove_signal_handler(signal.SIGUSR1)


@pytest.mark.parametrize(
    ("use", "error"),
    [
        (use_sqlite, "ProgrammingError"),
        (use_thread_local, "AttributeError"),
        (set_signal_handler, "ValueError"),
        (add_signal_handler_to_the_loop, "RuntimeError"),
    ],
)
def test_what_belongs_to_the_main_thread(use: Callable[[], None], error: str) -> None:
    seen: list[str] = []

    def configure(config: Any) -> None:
        try:
            use()
        except Exception as failure:
            seen.append(type(failure).__name__)
        else:
            seen.append("ok")

    for module in (contrib, temporal_lambda):
        invoke(module, configure)
    assert seen == ["ok", error]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="exceptions have no notes before")
def test_error_from_off_the_main_thread_says_so() -> None:
    def configure(config: Any) -> None:
        set_signal_handler()

    with pytest.raises(ValueError, match="only works in main thread") as raised:
        temporal_lambda.run_worker(VERSION, configure)({}, None)
    (note,) = raised.value.__notes__
    assert "on a thread of its own" in note


def shorten_the_buffer(config: Any) -> None:
    config.shutdown_deadline_buffer = timedelta(seconds=2)


def lengthen_the_graceful_timeout(config: Any) -> None:
    config.worker_config["graceful_shutdown_timeout"] = timedelta(seconds=20)


def leave_one_workflow_slot(config: Any) -> None:
    config.worker_config["max_concurrent_workflow_tasks"] = 1


def set_hooks_as_a_tuple(config: Any) -> None:
    config.shutdown_hooks = (lambda: None,)


def delete_the_versioning(config: Any) -> None:
    del config.worker_config["deployment_config"]
    config.worker_config["build_id"] = "v9"


@pytest.mark.parametrize(
    "change",
    [
        shorten_the_buffer,
        lengthen_the_graceful_timeout,
        leave_one_workflow_slot,
        set_hooks_as_a_tuple,
        delete_the_versioning,
    ],
)
def test_configuration_that_contrib_serves_is_served(change: Callable[[Any], None]) -> None:
    class Context:
        aws_request_id = invoked_function_arn = None

        def get_remaining_time_in_millis(self) -> int:
            return 15_000

    def configure(config: Any) -> None:
        config.worker_config["task_queue"] = "migration"
        change(config)

    # Both get as far as connecting, to an address where nothing listens.
    assert invoke(contrib, configure, Context()) == "RuntimeError"
    assert invoke(temporal_lambda, configure, Context()) == "ConnectError"


def test_how_long_a_workflow_waits_for_the_worker_that_has_it_in_its_cache() -> None:
    seen: list[Any] = []

    def configure(config: Any) -> None:
        seen.append(config.worker_config.get("sticky_queue_schedule_to_start_timeout"))

    for module in (contrib, temporal_lambda):
        invoke(module, configure)
    assert seen == [None, timedelta(seconds=2)]


def test_invalid_settings_end_the_import() -> None:
    nameless = WorkerDeploymentVersion(deployment_name="", build_id="")
    with pytest.raises(SystemExit):
        contrib.run_worker(nameless, lambda config: None)
    with pytest.raises(temporal_lambda.SettingsError):
        temporal_lambda.run_worker(nameless, lambda config: None)


@pytest.mark.parametrize(("module", "runs"), [(contrib, False), (temporal_lambda, True)])
def test_hook_where_connecting_fails(module: ModuleType, runs: bool) -> None:
    hooks: list[str] = []

    def configure(config: Any) -> None:
        config.worker_config["task_queue"] = "migration"
        config.shutdown_hooks.append(lambda: hooks.append("ran"))

    invoke(module, configure)
    assert bool(hooks) is runs


def test_file_in_the_working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "temporal.toml").write_text('[profile.default]\nnamespace = "from-the-file"\n')
    monkeypatch.setenv("LAMBDA_TASK_ROOT", str(tmp_path / "code"))
    seen: list[Any] = []

    def configure(config: Any) -> None:
        seen.append(config.client_connect_config.get("namespace"))

    for module in (contrib, temporal_lambda):
        invoke(module, configure)
    assert seen == [None, "from-the-file"]
