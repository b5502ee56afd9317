"""A ``temporal-lambda dev`` that a test talks to as a user does."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

COMMAND = [sys.executable, "-m", "temporal_lambda.cli", "dev"]
PATIENCE = 60.0


class Dev:
    """A running ``temporal-lambda dev``."""

    def __init__(
        self, *arguments: str, terminal: bool = False, size: tuple[int, int] = (160, 40)
    ) -> None:
        self.output = ""
        self._read, write = pty.openpty() if terminal else os.pipe()
        os.set_blocking(self._read, False)
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=write,
            stderr=write,
            env={**os.environ, "TERM": "xterm", "COLUMNS": str(size[0]), "LINES": str(size[1])},
            start_new_session=True,
        )
        os.close(write)

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until something has been printed."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if match := re.search(pattern, self.output):
                return match
            if select.select([self._read], [], [], 0.5)[0] and not self._take():
                break
        if match := re.search(pattern, self.output):
            return match
        raise AssertionError(f"{pattern!r} was not printed, but:\n{self.output}")

    def read(self, seconds: float) -> None:
        """Take what is printed within that time, one piece at most."""
        if select.select([self._read], [], [], seconds)[0]:
            self._take()

    def hang_up(self) -> None:
        """Close its terminal, as whoever closes the terminal's window does."""
        os.close(self._read)
        self.process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        """End it without its doing, if it has not ended."""
        self.process.kill()
        self.process.wait()

    def finish(self) -> int:
        """Wait for the end; the exit status."""
        until = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < until:
            if select.select([self._read], [], [], 0.1)[0]:
                self._take()
        while self._take():
            pass
        os.close(self._read)
        return self.process.wait(timeout=1)

    def _take(self) -> bool:
        try:
            chunk = os.read(self._read, 65_536)
        except (BlockingIOError, OSError):
            return False
        self.output += chunk.decode(errors="replace")
        return bool(chunk)
