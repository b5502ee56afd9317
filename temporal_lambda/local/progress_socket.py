"""Where workers tell what their invocations have done so far, which no log line says."""

from __future__ import annotations

import asyncio
import glob
import json
import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from temporal_lambda.local.records import InvocationRecord
from temporal_lambda.local.worker_lines import are_tasks
from temporal_lambda.runtime.execution_environment import ONLOOKER

logger = logging.getLogger(__name__)

LONGEST = 1_000
"""Bytes of a message; a longer one is none of a worker's."""

PREFIX, NAME = "temporal-lambda-progress-", "progress"
"""How the name of its folder begins, and what the socket in it is called."""

MOST_AT_ONCE = 100
"""Messages read without a pause: a function may send without end."""


class ProgressSocket:
    """A Unix datagram socket; made in the event loop that reads it.

    What it is sent is data: whatever else is in a message, it changes nothing but the number of
    tasks of a running invocation whose request id it knows.

    Args:
        running: Invocations under way, by number; their ``tasks_so_far`` are set.

    Attributes:
        variables: The variables by which a process finds it; none where there can be no such
            socket, and then nothing is told.
    """

    def __init__(self, running: Mapping[int, InvocationRecord]) -> None:
        self._running = running
        self.variables: Mapping[str, str] = {}
        self._socket: socket.socket | None = None
        self._folder = ""
        remove_left_behind()
        try:
            # No other user of this machine may enter it.
            self._folder = tempfile.mkdtemp(prefix=PREFIX)
            path = os.path.join(self._folder, NAME)
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            self._socket.bind(path)
        except OSError as error:
            # As where the folder for temporary files has too long a name, or is read-only.
            logger.warning("tasks of running invocations are not shown: %s", error)
            self.close()
            return
        asyncio.get_running_loop().add_reader(self._socket, self.drain)
        self.variables = {ONLOOKER: path}

    def drain(self) -> None:
        """Take what has been told so far."""
        if self._socket is None:
            return
        for _ in range(MOST_AT_ONCE):
            try:
                message = self._socket.recv(LONGEST)
            except OSError:
                return
            self._take(message)

    def close(self) -> None:
        """Stop listening, and leave nothing behind."""
        if self._socket:
            if self.variables:
                asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _take(self, message: bytes) -> None:
        told = _read(message)
        for record in self._running.values():
            if told and record.request_id == told["request_id"]:
                record.tasks_so_far = told["tasks"]


def _read(message: bytes) -> dict[str, Any] | None:
    """The content of a message, checked; ``None`` if it is none of a worker's."""
    try:
        told = json.loads(message)
        fits = isinstance(told["request_id"], str) and are_tasks(told["tasks"])
        return told if fits else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def remove_left_behind() -> None:
    """Remove the folders of stacks that were killed: whose socket nobody listens to any more."""
    for path in glob.glob(os.path.join(glob.escape(tempfile.gettempdir()), f"{PREFIX}*", NAME)):
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                # Another user's can't be entered; and no more is removed than was made.
                os.unlink(path)
                os.rmdir(os.path.dirname(path))
