"""Says in one line which resource of this machine has run out, and what to do."""

from __future__ import annotations

import errno
import resource


def describe(error: Exception) -> str:
    """Describe what failed in the service.

    Args:
        error: The error that was raised.

    Returns:
        One line.

    Example:
        >>> describe(OSError(28, "No space left on device"))
        'no space is left on the device: free some (OSError: [Errno 28] No space left on device)'
    """
    text = f"{type(error).__name__}: {error}"
    advice = _ADVICE.get(error.errno or 0) if isinstance(error, OSError) else None
    if advice is None:
        return text
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return f"{advice.format(limit=limit)} ({text})"


_PROCESSES = (
    "the system starts no more processes or threads: raise its limit (ulimit -u), or lower the "
    "function's concurrency"
)

_ADVICE = {
    errno.EMFILE: (
        "this process is out of file descriptors: raise its limit of {limit} (ulimit -n), or lower "
        "the function's concurrency"
    ),
    errno.ENFILE: "the system is out of file descriptors: end other programs, or raise its limit",
    errno.ENOSPC: "no space is left on the device: free some",
    errno.EDQUOT: "the disk quota is used up: free some space",
    errno.ENOMEM: "the system is out of memory: lower the function's concurrency",
    errno.EAGAIN: _PROCESSES,
}
