"""How much memory a process has had at most."""

from __future__ import annotations

from pathlib import Path


def peak_memory_kb(process_id: int) -> int | None:
    """Peak resident memory of a process.

    Args:
        process_id: The process.

    Returns:
        Kilobytes; ``None`` if it has ended, or where there is no ``/proc``.
    """
    try:
        status = Path(f"/proc/{process_id}/status").read_text()
    except OSError:
        return None
    lines = status.splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), None)
