"""Processes that a function leaves behind: frozen with it, found and ended with it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from temporal_lambda.local import LambdaService
from tests.support.lambdas import FUNCTIONS, function, running_pid
from tests.support.processes import alive, process_state
from tests.support.waiting import until


async def test_children_in_sessions_of_their_own_are_frozen_and_end_with_the_service() -> None:
    async with LambdaService() as service:
        service.add(function("leave_children"))
        record, answer = await service.invoke(function("leave_children"), b"{}")
        pids = [int(pid) for pid in re.findall(rb"\d+", answer.payload)]
        assert len(pids) == 2
        await until(lambda: states(record.pid, *pids) == ["T", "T", "T"])
        thawed = asyncio.create_task(
            service.invoke(function("leave_children"), b'{"seconds": 0.5}')
        )
        await until(lambda: states(*pids) == ["S", "S"])
        await thawed
        await until(lambda: states(*pids) == ["T", "T"])
    assert not any(alive(pid) for pid in (record.pid, *pids))


async def test_children_end_with_a_runtime_that_crashes(service: LambdaService) -> None:
    service.add(function("leave_children"))
    record, answer = await service.invoke(function("leave_children"), b'{"exits": true}')
    assert answer.error_type == "Runtime.ExitError"
    (line,) = [line for line in record.log if line.startswith("CHILDREN ")]
    assert not any(alive(int(pid)) for pid in line.split()[1:])


SERVE = """
import asyncio, sys
from pathlib import Path
from temporal_lambda.local import Function, LambdaService

async def main():
    async with LambdaService() as service:
        leaves = Function("leaves", "plain.leave_children", Path(sys.argv[1]))
        service.add(leaves)
        record, answer = await service.invoke(leaves, b"{}")
        print(record.pid, answer.payload.decode(), flush=True)
        await asyncio.sleep(300)

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_nothing_outlives_a_process_that_is_killed(number: signal.Signals) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SERVE, str(FUNCTIONS)), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    pids = [int(pid) for pid in re.findall(rb"\d+", await process.stdout.readline())]
    assert len(pids) == 3
    assert all(alive(pid) for pid in pids)
    process.send_signal(number)
    await process.wait()
    await until(lambda: not any(alive(pid) for pid in pids))


async def test_keeper_that_is_killed_takes_its_environment_along_and_the_next_one_works(
    service: LambdaService, caplog: pytest.LogCaptureFixture
) -> None:
    service.add(function("nap"))
    running = asyncio.create_task(service.invoke(function("nap"), b'{"seconds": 30}'))
    pid = await running_pid(service, "nap")
    os.kill(parent(pid), signal.SIGKILL)
    record, _ = await running
    assert record.status == "crash"
    assert "the process that keeps the runtime was killed" in str(record.error)
    await until(lambda: not alive(pid))
    record, _ = await service.invoke(function("nap"), b'{"seconds": 0}')
    assert record.status == "success"
    # The same between invocations.
    os.kill(parent(record.pid), signal.SIGKILL)
    await until(lambda: not alive(record.pid))
    await until(lambda: not any(env.alive for env in service.environments("nap")))
    again, _ = await service.invoke(function("nap"), b'{"seconds": 0}')
    assert again.status == "success"
    assert again.pid != record.pid


def states(*pids: int) -> list[str | None]:
    return [process_state(pid) for pid in pids]


def parent(pid: int) -> int:
    """The parent of a process."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
