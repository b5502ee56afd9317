"""Child processes that do not outlive this one, whatever ends it.

A small helper process holds the other end of a pipe. When the pipe closes, because this process has
ended or crashed, the helper kills the process groups registered with it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_WATCH = """
import os, signal, sys
alive = set()
for line in sys.stdin:
    what, group = line.split()
    (alive.add if what == "+" else alive.discard)(int(group))
for group in alive:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""


class Guardian:
    """Starts child processes, each in a session of its own, and makes sure that they end."""

    def __init__(self) -> None:
        self._watch = subprocess.Popen(
            [sys.executable, "-S", "-E", "-c", _WATCH],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    @property
    def closed(self) -> bool:
        """Whether it has been closed."""
        return self._watch.stdin is None or self._watch.stdin.closed

    async def spawn(
        self,
        *command: str,
        env: Mapping[str, str],
        output: int,
        cwd: Path | None = None,
        keep_open: Sequence[int] = (),
    ) -> asyncio.subprocess.Process:
        """Start a child.

        Args:
            command: Program and arguments.
            env: Its whole environment.
            output: File descriptor for its standard output and error.
            cwd: Its working directory.
            keep_open: Further file descriptors for it to inherit.
        """
        if self.closed:
            raise RuntimeError("the guardian is closed; it starts no more processes")
        process = await asyncio.create_subprocess_exec(
            *command,
            env=dict(env),
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=keep_open,
            start_new_session=True,
        )
        self._tell("+", process.pid)
        return process

    async def end(self, process: asyncio.subprocess.Process, grace_seconds: float = 0.0) -> None:
        """End a child and its whole process group.

        Args:
            process: A child of ``spawn``.
            grace_seconds: How long it may take after SIGTERM; 0 kills immediately.
        """
        if grace_seconds and process.returncode is None:
            send(process, signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), grace_seconds)
            except asyncio.TimeoutError:
                pass
        send(process, signal.SIGKILL)
        await process.wait()
        self._tell("-", process.pid)

    def close(self) -> None:
        """Stop the helper process, which kills the children that are still alive."""
        if self._watch.stdin and not self.closed:
            self._watch.stdin.close()
            self._watch.wait()

    def _tell(self, what: str, group: int) -> None:
        assert self._watch.stdin
        self._watch.stdin.write(f"{what} {group}\n")
        self._watch.stdin.flush()


def send(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    """Signal a child's whole process group; does nothing if it has ended."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass
