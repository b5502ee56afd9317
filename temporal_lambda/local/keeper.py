"""A small process between this one and a child, which ends with all it has started.

It runs as a program by itself (``python -I -S keeper.py``), so that it starts in milliseconds. It
starts the child in a session of its own and waits: for the child's end, for the end of its owner,
or until its owner wants the child ended. Then it kills whatever the child has left, reports how the
child ended, and exits.

On Linux it is a child subreaper: processes that the child has put into sessions of their own and
left as orphans become the keeper's children, so they are found, too. Elsewhere the child's process
group is all that is ended.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

LIFELINE, STATUS, OUTPUT = 0, 1, 2
"""A keeper's descriptors: one its owner closes to end it, its reports, and the child's output."""

PR_SET_CHILD_SUBREAPER = 36
"""From Linux's ``sys/prctl.h``."""


def descendants(process_id: int) -> list[int]:
    """Children of a process, and theirs.

    Args:
        process_id: The process.

    Returns:
        Process ids, parents before their children; empty where the system does not tell.
    """
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{process_id}/task")
    except OSError:
        return found
    for thread in threads:
        try:
            with open(f"/proc/{process_id}/task/{thread}/children") as children:
                ids = [int(child) for child in children.read().split()]
        except OSError:
            continue
        for child in ids:
            found += [child, *descendants(child)]
    return found


def signal_all(process_ids: list[int], number: int) -> None:
    """Signal processes; those that are gone are passed over."""
    for process_id in process_ids:
        try:
            os.kill(process_id, number)
        except OSError:
            pass


def main(arguments: list[str]) -> None:
    """Keep one child.

    Args:
        arguments: Descriptors that the child inherits, separated by commas; then its command.
    """
    inherited = [int(number) for number in arguments[0].split(",") if number]
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    signal.set_wakeup_fd(wake)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        # Handled rather than ignored: what is ignored stays so in the child.
        signal.signal(number, lambda number, frame: None)
    child = _start(arguments[1:])
    for descriptor in (*inherited, OUTPUT):
        # Readers of the child's output learn of its end when no copy is open.
        os.close(descriptor)
    _adopt_orphans()
    status = _wait(child, woken)
    _kill_all(child)
    _report(f"ended {status}" if status is not None else f"ended {-signal.SIGKILL}")


def _start(command: list[str]) -> int:
    try:
        child = os.fork()
        if not child:
            _become(command)
    except OSError as error:
        _report(f"failed {error.errno}")
        os._exit(1)
    _report(f"started {child}")
    return child


def _become(command: list[str]) -> None:
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.dup2(OUTPUT, 1)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            # Python ignores them, and the child would inherit that.
            signal.signal(number, signal.SIG_DFL)
        os.execvp(command[0], command)
    finally:
        os._exit(127)


def _adopt_orphans() -> None:
    if sys.platform.startswith("linux"):
        # Imported now that the child is on its way: it takes longer than all the rest.
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _wait(child: int, woken: int) -> int | None:
    """How the child ended, or ``None`` if the owner ended first, or wants it ended."""
    while True:
        while True:
            try:
                ended, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return None
            if ended == child:
                return os.waitstatus_to_exitcode(status)
            if not ended:
                break
        ready, _, _ = select.select([LIFELINE, woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
        if LIFELINE in ready and not os.read(LIFELINE, 4096):
            return None


def _kill_all(child: int) -> None:
    while True:
        try:
            os.killpg(child, signal.SIGKILL)
        except OSError:
            pass
        signal_all(descendants(os.getpid()), signal.SIGKILL)
        try:
            # Whoever has been killed makes way for its children, which are the next round's.
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.002)


def _report(line: str) -> None:
    try:
        os.write(STATUS, f"{line}\n".encode())
    except OSError:  # the owner has ended
        pass


if __name__ == "__main__":
    main(sys.argv[1:])
    os._exit(0)
