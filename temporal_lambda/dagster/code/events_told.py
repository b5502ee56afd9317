"""What an answer tells of a run's events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster

MAX_BYTES = 4_000_000
"""Of the events in an answer, which Lambda limits to 6 MB."""


@dataclass(frozen=True)
class EventsTold:
    """Batches of events from one on, as many as an answer can hold; see ``protocol``.

    Attributes:
        batches: All batches there are, packed, in order.
        after: How many of them the launcher has.
        under_way: The steps that are executed right now.
    """

    batches: Sequence[str] = ()
    after: int = 0
    under_way: Sequence[dict[str, Any]] = field(default_factory=list)

    def parts(self, *, outputs: bool = True) -> dict[str, Any]:
        """See ``answer.Told``."""
        new = self.batches[self.after :]
        fitting, size = 0, 0
        for batch in new:
            size += len(batch) + 4
            if size > MAX_BYTES and fitting:
                break
            fitting += 1
        events: dict[str, Any] = {"first": self.after, "batches": list(new[:fitting])}
        if fitting < len(new):
            events["more"] = True
        if self.under_way:
            events["under_way"] = list(self.under_way)
        return {"dagster": dagster.__version__, "events": events}
