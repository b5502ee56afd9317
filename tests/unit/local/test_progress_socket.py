"""What workers tell of their invocations, and what others send in their place."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from temporal_lambda.local import InvocationRecord, LambdaService
from temporal_lambda.local.event_queue import EventQueue
from temporal_lambda.local.progress_socket import MOST_AT_ONCE, PREFIX, ProgressSocket
from tests.support.waiting import until
from tests.unit.local.test_invocation_table import record

TOLD = b'{"request_id": "id", "tasks": {"activity": 1}}'


@pytest.fixture
def running() -> InvocationRecord:
    return record(1)


@pytest_asyncio.fixture(loop_scope="session")
async def listener(running: InvocationRecord) -> AsyncIterator[ProgressSocket]:
    listener = ProgressSocket({1: running})
    yield listener
    listener.close()


@pytest.fixture
def scratch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder for temporary files, with a name that is short enough for a socket's."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


def path_of(listener: ProgressSocket) -> str:
    (path,) = listener.variables.values()
    return path


def send(listener: ProgressSocket, *messages: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        for message in messages:
            sender.sendto(message, path_of(listener))


async def test_tasks_are_those_of_the_invocation_that_is_told_of(
    listener: ProgressSocket, running: InvocationRecord
) -> None:
    send(listener, TOLD)
    await until(lambda: running.tasks == {"activity": 1})


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"[" * 900,
        b"\xff",
        b'{"request_id": "id"}',
        b'{"request_id": 1, "tasks": {"activity": 1}}',
        b'{"request_id": "id", "tasks": {"activity": -1}}',
        b'{"request_id": "id", "tasks": {"activity": true}}',
        b'{"request_id": "id", "tasks": {"mischief": 1}}',
        b'{"request_id": "id", "tasks": [1]}',
        b'{"request_id": "id", "tasks": [["activity", 1]]}',
        b'{"request_id": "another", "tasks": {"activity": 1}}',
        b'{"request_id": "id", "tasks": {"activity": 1}, "more": "' + b"x" * 2000 + b'"}',
    ],
)
async def test_message_that_is_none_of_a_workers_changes_nothing(
    message: bytes, listener: ProgressSocket, running: InvocationRecord
) -> None:
    send(listener, message)
    listener.drain()
    assert running.tasks is None


async def test_who_sends_without_end_does_not_stop_the_service(
    listener: ProgressSocket, running: InvocationRecord
) -> None:
    """Reading pauses, so that others have their turn."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        for _ in range(100 * MOST_AT_ONCE):
            try:
                sender.sendto(TOLD, path_of(listener))
            except BlockingIOError:
                break  # That is all that the system holds.
    listener.drain()
    assert running.tasks == {"activity": 1}


async def test_no_other_user_may_enter_and_nothing_is_left_behind() -> None:
    listener = ProgressSocket({})
    folder = Path(path_of(listener)).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    listener.close()
    assert not folder.exists()


async def test_folder_with_too_long_a_name_costs_the_numbers_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    long = tmp_path / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", os.fspath(long))
    listener = ProgressSocket({})
    assert not listener.variables
    assert "tasks of running invocations are not shown" in caplog.text
    listener.drain()
    listener.close()
    assert list(long.iterdir()) == []


async def test_what_a_killed_stack_has_left_is_removed_and_nothing_else(scratch: Path) -> None:
    listens = ProgressSocket({})
    # Nobody listens to these, as after a kill -9; one has more in its folder, one is another's.
    for name in (f"{PREFIX}dead", f"{PREFIX}more", "another"):
        (scratch / name).mkdir()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
            dead.bind(str(scratch / name / "progress"))
    (scratch / f"{PREFIX}more" / "notes").touch()
    (scratch / f"{PREFIX}begins").mkdir()
    (scratch / f"{PREFIX}file").touch()
    ProgressSocket({}).close()
    left = {path.name for path in scratch.iterdir()}
    kept = {Path(path_of(listens)).parent.name, "another"}
    assert left == kept | {f"{PREFIX}{name}" for name in ("more", "begins", "file")}
    assert (scratch / f"{PREFIX}more" / "notes").exists()
    send(listens, TOLD)
    listens.close()


async def test_temporary_folder_that_is_gone_costs_the_numbers_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", os.fspath(tmp_path / "gone"))
    listener = ProgressSocket({})
    assert not listener.variables
    assert "tasks of running invocations are not shown" in caplog.text
    listener.drain()
    listener.close()


async def test_service_that_can_not_be_stopped_well_leaves_no_folder(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = LambdaService()

    async def fail() -> None:
        await EventQueue.stop(service._queue)
        raise OSError("a process can't be ended")

    await service.__aenter__()
    assert [path.name.startswith(PREFIX) for path in scratch.iterdir()] == [True]
    monkeypatch.setattr(service._queue, "stop", fail)
    with pytest.raises(OSError, match="can't be ended"):
        await service.__aexit__()
    await service.guardian.close()
    assert list(scratch.iterdir()) == []
