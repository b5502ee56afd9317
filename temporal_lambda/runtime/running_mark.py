"""A file that says which invocation runs, so that the next one can tell if it never ended.

Lambda kills a process whose invocation takes too long or too much memory, and begins a new one in
the same environment, with the same ``/tmp``.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

PREFIX = "temporal_lambda-"
FORGOTTEN = 86_400.0
"""Seconds after which a mark of another environment is litter: in Lambda there is none, and on a
machine with a local Lambda nobody else would remove it."""

NAMES = ("request_id", "begun_at", "deadline")
LONGEST = 1_000
"""Bytes of such a file; whoever wrote more was somebody else."""


class RunningMark:
    """The mark of this process.

    Args:
        environ: Environment variables.
        folder: Where to; by default the folder for temporary files.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ, folder: Path | None = None) -> None:
        # An environment keeps its log stream. Restores of a snapshot have none.
        whose = [
            environ.get(name, "")
            for name in ("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_LOG_STREAM_NAME")
        ]
        if not whose[1]:
            whose.append(environ.get("AWS_LAMBDA_RUNTIME_API", ""))
        key = hashlib.sha256("\n".join(whose).encode()).hexdigest()[:16]
        self._folder = folder or Path(tempfile.gettempdir())
        self._prefix = f"{PREFIX}{key}-"

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._prefix}{os.getpid()}"

    def take_left(self) -> dict[str, Any] | None:
        """What an invocation has left that never ended; it is told once.

        Returns:
            Its request id, when it began and when its time was over; ``None`` if there is none.
        """
        found = None
        try:
            for path in sorted(self._folder.glob(PREFIX + "*-*")):
                pid = path.name.rpartition("-")[2]
                runs = pid != str(os.getpid()) and Path("/proc", pid).exists()
                if path.name.startswith(self._prefix):
                    found = (None if runs else _read(path)) or found
                elif time.time() - path.lstat().st_mtime < FORGOTTEN:
                    continue
                if not runs:
                    path.unlink(missing_ok=True)
        except OSError:
            # Then it can't be told.
            pass
        return found

    def begin(self, request_id: str | None, begun_at: float, seconds_left: float) -> None:
        """Note that an invocation runs.

        Args:
            request_id: Lambda's request id.
            begun_at: When, in seconds since the epoch.
            seconds_left: Seconds from then until Lambda ends it; infinite if it does not.
        """
        deadline = _text_of(begun_at + seconds_left) if seconds_left < float("inf") else None
        values = dict(zip(NAMES, (request_id, _text_of(begun_at), deadline), strict=True))
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
            file = os.open(self._path, flags, 0o600)
            try:
                os.write(file, json.dumps(values).encode())
            finally:
                os.close(file)
        except OSError:
            # A full disk must not keep anybody from working.
            pass

    def end(self) -> None:
        """Note that it has ended."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError:
            pass


def _read(path: Path) -> dict[str, Any] | None:
    try:
        with path.open("rb") as file:
            values = json.loads(file.read(LONGEST))
    except (OSError, ValueError, RecursionError):
        return None
    if not (isinstance(values, dict) and set(values) == set(NAMES)):
        return None
    return values if all(isinstance(value, str | None) for value in values.values()) else None


def _text_of(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, timezone.utc).isoformat(timespec="milliseconds")
