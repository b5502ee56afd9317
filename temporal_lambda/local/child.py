"""A child process and all it starts: signalled, stopped and ended as one."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from pathlib import Path

from temporal_lambda.local import keeper
from temporal_lambda.local.keeper import descendants, signal_all
from temporal_lambda.local.pipes import Lines, Pipe

logger = logging.getLogger(__name__)

START_SECONDS = 30.0
"""How long a keeper may take to start its child; it takes a few milliseconds."""

END_SECONDS = 5.0
"""How long a keeper may take to kill what its child has left."""


class Child:
    """A process with a keeper, which ends it with all it has started; see ``keeper``.

    Made by ``Child.start``.

    Attributes:
        pid: Process id of the child; 0 until it has started.
        lost_keeper: Whether its keeper was killed, and the child was ended for that reason.
    """

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.pid = 0
        self.lost_keeper = False
        self._keeper: Process | None = None
        self._started: asyncio.Future[None] = loop.create_future()
        # Whoever waits for it may have been cancelled.
        self._started.add_done_callback(lambda started: started.cancelled() or started.exception())
        self._ended: asyncio.Future[int] = loop.create_future()
        self._lines = Lines(self._hear)
        self._status = Pipe(self._feed)
        self._lifeline = -1

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        output: int,
        cwd: Path | None,
        keep_open: Sequence[int],
    ) -> Child:
        """Start a child; see ``Guardian.spawn`` for the arguments.

        Raises:
            OSError: It can't be started.
        """
        child = cls()
        try:
            await child._start_keeper(command, env, output, cwd, keep_open)
            await asyncio.wait_for(asyncio.shield(child._started), START_SECONDS)
        except asyncio.TimeoutError:
            await child.end()
            raise OSError(f"{command[0]} was not started within {START_SECONDS:.0f} s") from None
        except BaseException:
            await child.end()
            raise
        return child

    async def _start_keeper(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        output: int,
        cwd: Path | None,
        keep_open: Sequence[int],
    ) -> None:
        lifeline = -1
        try:
            lifeline, self._lifeline = os.pipe()
            self._keeper = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", keeper.__file__),
                ",".join(map(str, keep_open)),
                *command,
                env=dict(env),
                cwd=cwd,
                stdin=lifeline,
                stdout=self._status.end,
                stderr=output,
                pass_fds=keep_open,
                start_new_session=True,
            )
        finally:
            self._status.close_end()
            if lifeline >= 0:
                os.close(lifeline)

    @property
    def returncode(self) -> int | None:
        """Exit status, or minus the signal's number; ``None`` while it runs."""
        return self._ended.result() if self._ended.done() else None

    def describe_end(self) -> str:
        """How it ended, as AWS says it of a runtime."""
        code = self.returncode or 0
        if self.lost_keeper:
            return "the process that keeps the runtime was killed, and the runtime with it"
        if code == -signal.SIGKILL:
            return "Runtime exited with error: signal: killed"
        if code < 0:
            named = {number.value: number.name for number in signal.Signals}
            return f"Runtime exited with error: signal: {named.get(-code, -code)}"
        return (
            f"Runtime exited with error: exit status {code}"
            if code
            else "Runtime exited without providing a reason"
        )

    async def wait(self) -> int:
        """Wait for its end.

        Returns:
            The return code.
        """
        return await asyncio.shield(self._ended)

    def send(self, number: signal.Signals) -> None:
        """Signal the child's process group; does nothing if it has ended."""
        if self.pid and not self._ended.done():
            try:
                os.killpg(self.pid, number)
            except ProcessLookupError:
                pass

    def freeze(self) -> None:
        """Stop the child, and what it has started in sessions of their own."""
        self.send(signal.SIGSTOP)
        stopped: set[int] = set()
        while running := [pid for pid in self._strays() if pid not in stopped]:
            signal_all(running, signal.SIGSTOP)
            stopped.update(running)

    def thaw(self) -> None:
        """Let go on what ``freeze`` has stopped."""
        signal_all(self._strays(), signal.SIGCONT)
        self.send(signal.SIGCONT)

    async def end(self) -> None:
        """Kill the child and all it has started; what it costs is bounded, see ``END_SECONDS``."""
        self.send(signal.SIGKILL)
        self._cut_lifeline()
        if self._keeper:
            try:
                await asyncio.wait_for(self._keeper.wait(), END_SECONDS)
            except asyncio.TimeoutError:
                logger.error("processes of %d can't be killed: %s", self.pid, self._strays())
        self._status.close()

    def _strays(self) -> list[int]:
        """Descendants outside the child's process group."""
        if not self._keeper or self._ended.done():
            return []
        return [pid for pid in descendants(self._keeper.pid) if _group(pid) not in (self.pid, None)]

    def _cut_lifeline(self) -> None:
        if self._lifeline >= 0:
            os.close(self._lifeline)
            self._lifeline = -1

    def _feed(self, chunk: bytes) -> None:
        if chunk:
            self._lines(chunk)
        elif not self._ended.done():
            self._lose_keeper()

    def _hear(self, line: str) -> None:
        what, _, number = line.partition(" ")
        if what == "started":
            self.pid = int(number)
            self._started.set_result(None)
        elif what == "failed":
            self._started.set_exception(OSError(int(number), os.strerror(int(number))))
            self._ended.set_result(-signal.SIGKILL)
        else:
            self._ended.set_result(int(number))

    def _lose_keeper(self) -> None:
        """The keeper was killed; without it the child could outlive us, so it must end now."""
        if self.pid:
            self.lost_keeper = True
            logger.error("the process that keeps process %d was killed; both are ended", self.pid)
            strays = descendants(self.pid)
            self.send(signal.SIGKILL)
            signal_all(strays, signal.SIGKILL)
        elif not self._started.done():
            self._started.set_exception(OSError("the process that was to keep it was killed"))
        self._ended.set_result(-signal.SIGKILL)


def _group(process_id: int) -> int | None:
    try:
        return os.getpgid(process_id)
    except ProcessLookupError:
        return None
