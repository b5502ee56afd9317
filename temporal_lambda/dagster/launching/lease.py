"""Which process waits for a run's answer, kept as a run tag, and whether it is still alive."""

from __future__ import annotations

import functools
import json
import os
import platform
import threading
import time
from collections.abc import Callable
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

CLOCK_DIFFERENCE_SECONDS = 900.0
"""Between two hosts at most. AWS refuses requests that are signed by a clock 5 minutes off."""

MAX_OBSERVED = 10_000
"""Leases of other hosts that are remembered."""


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
        """Whether the process is still there, as far as one look can tell.

        Of a process on another host that takes its clock to be right; ``LeaseObserver`` does not.

        Args:
            now: Epoch seconds.
        """
        if not self.is_of_this_host():
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

    def is_of_this_host(self) -> bool:
        """Whether this process can see the other one."""
        return (self.host, self.namespace) == (platform.node(), _namespace())

    def _process(self) -> tuple[str, str, int, str]:
        return self.host, self.namespace, self.pid, self.started

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


class LeaseObserver:
    """Tells by this process's clock whether processes on other hosts still renew their leases.

    A clock that is wrong must not make a living process count as dead. So what counts is how long a
    lease has not changed; only one that ended long ago by any clock counts as ended at first sight.

    Args:
        clock: Returns seconds.

    Example:
        >>> now = [0.0]
        >>> observer = LeaseObserver(clock=lambda: now[0])
        >>> lease = replace(RunLease.here("9d6c"), host="elsewhere", until=time.time() - 60)
        >>> observer.alive(lease)
        True
        >>> now[0] += LEASE_SECONDS
        >>> observer.alive(lease)
        False
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[float, float]] = {}

    def alive(self, lease: RunLease) -> bool:
        """Whether the process of a lease is still there.

        Args:
            lease: As it is now.
        """
        if lease.is_of_this_host():
            return lease.alive(time.time())
        if time.time() > lease.until + CLOCK_DIFFERENCE_SECONDS:
            return False
        with self._lock:
            now = self._clock()
            until, since = self._seen.pop(lease.run_id, (None, now))
            self._seen[lease.run_id] = lease.until, since if until == lease.until else now
            while len(self._seen) > MAX_OBSERVED:
                del self._seen[next(iter(self._seen))]
            return now - self._seen[lease.run_id][1] < LEASE_SECONDS


@functools.cache
def process_observer() -> LeaseObserver:
    """The observer of this process; launchers come and go."""
    return LeaseObserver()


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
