"""Lets invocations wait for each other, so that they are sure to run in different processes."""

from __future__ import annotations

import os
import time
from pathlib import Path

PATIENCE = 20.0


def meet(folder: Path, count: int) -> None:
    """Wait until this many processes have come here."""
    (folder / str(os.getpid())).touch()
    gives_up = time.monotonic() + PATIENCE
    while len(list(folder.iterdir())) < count and time.monotonic() < gives_up:
        time.sleep(0.02)
