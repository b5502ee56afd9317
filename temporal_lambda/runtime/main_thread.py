"""What only the main thread may do, and user code finds out the hard way."""

from __future__ import annotations

import sys

from temporal_lambda.errors import text_of

_SIGNS = (
    "only works in main thread",  # signal.signal, loop.add_signal_handler
    "SQLite objects created in a thread",
)

HINT = (
    "temporal_lambda runs your code in an event loop on a thread of its own, not on the main "
    "thread. Set signal handlers at module level, and open what belongs to a thread in the "
    "configure callback or in the activity that uses it"
)


def explain(error: BaseException) -> None:
    """Add a hint to an error that comes from not being on the main thread (Python 3.11 and up).

    Example:
        >>> error = ValueError("signal only works in main thread of the main interpreter")
        >>> explain(error)
    """
    if any(sign in text_of(error) for sign in _SIGNS) and sys.version_info >= (3, 11):
        if HINT not in getattr(error, "__notes__", ()):
            error.add_note(HINT)
