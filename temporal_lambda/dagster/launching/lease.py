"""Which process waits for a run's answer, kept as a run tag, and whether it is still alive."""

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

RENEW_SECONDS = 30.0
"""How often a process renews its lease."""

LEASE_SECONDS = 90.0
"""How long a process on another host counts as alive after it last renewed its lease."""


@dataclass(frozen=True)
class RunLease:
    """A process's claim to wait for a run's answer.

    Attributes:
        run_id: The run; a tag that was inherited from another run names that one.
        host: Where the process runs.
        pid: Its process id.
        started: When it was started, in clock ticks since boot; empty where ``/proc`` is missing.
        phase: How far the run is.
        until: Epoch seconds; renewed while the process lives.
        namespace: The PID namespace that the process id belongs to; containers may share a host
            name.

    Example:
        >>> lease = RunLease.here("9d6c")
        >>> RunLease.from_tag(lease.tag(), "9d6c") == lease
        True
        >>> lease.alive(time.time())
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
    def here(cls, run_id: str, phase: Phase = "queued") -> RunLease:
        """A lease of this process."""
        pid = os.getpid()
        until = time.time() + LEASE_SECONDS
        return cls(run_id, platform.node(), pid, _started(pid), phase, until, _namespace())

    @classmethod
    def from_tag(cls, tag: str | None, run_id: str) -> RunLease | None:
        """The lease in a run's tag; ``None`` if there is none, or it is another run's."""
        try:
            lease = cls(**json.loads(tag or ""))
        except (ValueError, TypeError):
            return None
        return lease if lease.run_id == run_id else None

    def tag(self) -> str:
        """The value of the run tag."""
        return json.dumps(asdict(self))

    def renewed(self, phase: Phase | None = None) -> RunLease:
        """This lease with a new end, and in another phase if one is given."""
        return replace(self, phase=phase or self.phase, until=time.time() + LEASE_SECONDS)

    def is_due(self) -> bool:
        """Whether it is time to renew the lease."""
        return time.time() > self.until - LEASE_SECONDS + RENEW_SECONDS

    def same_process(self, other: RunLease | None) -> bool:
        """Whether both leases are of the same process."""
        return other is not None and self._process() == other._process()

    def alive(self, now: float) -> bool:
        """Whether the process is still there, as far as this process can see.

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
            # It exists, under another user.
            pass
        return now < self.until

    def _process(self) -> tuple[str, str, int, str]:
        return self.host, self.namespace, self.pid, self.started

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


def _namespace() -> str:
    """PID namespace of this process, or empty."""
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
