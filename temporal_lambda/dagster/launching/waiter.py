"""Who waits for a run's answer, as a run tag tells it, and whether it still does."""

from __future__ import annotations

import json
import os
import platform
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

Phase = Literal["queued", "invoked", "accepted"]
"""``queued``: the function has not been invoked. ``invoked``: it may have been. ``accepted``: AWS
has taken an Event, and nobody waits."""

LEASE_SECONDS = 90.0
"""How long a waiter of another host counts as alive without a word."""


@dataclass(frozen=True)
class Waiter:
    """A process that waits for a run's answer.

    Attributes:
        run_id: The run; a tag that was inherited from another run names that one.
        host: Where the process runs.
        pid: Its process id.
        started: When it was started, in the kernel's words; empty where those can't be had.
        phase: How far the run is.
        until: Epoch seconds; renewed while the process lives.
        namespace: In which the process id counts, in the kernel's words: containers of one host
            name have ids of their own.

    Example:
        >>> waiter = Waiter.here("9d6c")
        >>> Waiter.from_tag(waiter.tag(), "9d6c") == waiter
        True
        >>> waiter.alive(time.time())
        True
    """

    run_id: str
    host: str
    pid: int
    started: str
    phase: Phase
    until: float
    namespace: str = ""

    @classmethod
    def here(cls, run_id: str, phase: Phase = "queued") -> Waiter:
        """This process."""
        pid = os.getpid()
        until = time.time() + LEASE_SECONDS
        return cls(run_id, platform.node(), pid, _started(pid), phase, until, _namespace())

    @classmethod
    def from_tag(cls, tag: str | None, run_id: str) -> Waiter | None:
        """What a run's tag says; ``None`` if it says nothing of this run."""
        try:
            waiter = cls(**json.loads(tag or ""))
        except (ValueError, TypeError):
            return None
        return waiter if waiter.run_id == run_id else None

    def tag(self) -> str:
        """The value of the run tag."""
        return json.dumps(asdict(self))

    def renewed(self, phase: Phase | None = None) -> Waiter:
        """The same with a new lease, and in another phase."""
        return replace(self, phase=phase or self.phase, until=time.time() + LEASE_SECONDS)

    def same_process(self, other: Waiter | None) -> bool:
        """Whether both are the same process."""
        return other is not None and self._process() == other._process()

    def alive(self, now: float) -> bool:
        """Whether the process still waits, as far as can be told from here.

        Args:
            now: Epoch seconds.
        """
        if (self.host, self.namespace) != (platform.node(), _namespace()):
            return now < self.until
        if self.started:
            return _started(self.pid) == self.started
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            # It is there, and somebody else's.
            pass
        return now < self.until

    def _process(self) -> tuple[str, str, int, str]:
        return self.host, self.namespace, self.pid, self.started

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def _namespace() -> str:
    """Of this process's id; empty where there is no such thing."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _started(pid: int) -> str:
    """A process's start in clock ticks since boot, which tells it from a later one of its id.

    Empty where there is no such process, or only what is left of it, or no ``/proc``.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return ""
    # The second field is the command in parentheses, and may hold anything.
    state, *others = stat.rpartition(")")[2].split()
    return "" if state in "ZX" else others[18]
