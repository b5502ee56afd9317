"""What a misspelt name was meant to be."""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], alike: float = 0.6) -> str | None:
    """The known name that is most like this one.

    Args:
        name: What was written.
        known: What could have been meant.
        alike: How like it has to be, from 0 to 1 (difflib's ratio).

    Example:
        >>> nearest("idle_timout", ["task_queue", "idle_timeout"])
        'idle_timeout'
    """
    import difflib  # Here, since a cold start seldom needs it.

    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=alike)), None)
