"""Child processes that do not outlive this one, whatever ends it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from temporal_lambda.local.child import Child


class Guardian:
    """Starts child processes, each with a keeper that ends it, and makes sure that they end.

    A keeper holds a pipe to this process. When the pipe closes, because this process ended it,
    ended by itself or crashed, the keeper kills its child with all the child has started.
    """

    def __init__(self) -> None:
        self._children: set[Child] = set()
        self._closed = False

    async def spawn(
        self,
        *command: str,
        env: Mapping[str, str],
        output: int,
        cwd: Path | None = None,
        keep_open: Sequence[int] = (),
    ) -> Child:
        """Start a child.

        Args:
            command: Program and arguments.
            env: Its whole environment.
            output: File descriptor for its standard output and error.
            cwd: Its working directory.
            keep_open: Further file descriptors for it to inherit.

        Raises:
            OSError: It can't be started.
        """
        if self._closed:
            raise RuntimeError("the guardian is closed; it starts no more processes")
        child = await Child.start(command, env=env, output=output, cwd=cwd, keep_open=keep_open)
        self._children.add(child)
        return child

    async def end(self, child: Child, grace_seconds: float = 0.0) -> None:
        """End a child and all it has started.

        Args:
            child: A child of ``spawn``.
            grace_seconds: How long it may take after SIGTERM; 0 kills immediately.
        """
        if grace_seconds and child.returncode is None:
            child.send(signal.SIGTERM)
            try:
                await asyncio.wait_for(child.wait(), grace_seconds)
            except asyncio.TimeoutError:
                pass
        await child.end()
        self._children.discard(child)

    async def close(self) -> None:
        """End the children that are still alive, and start no more."""
        self._closed = True
        await asyncio.gather(*(self.end(child) for child in list(self._children)))
