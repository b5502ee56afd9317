"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        id: A name that stays the same, for programs.
        severity: ``error``: workflows fail, wait, or a secret is open. ``warning``: they may.
            ``note``: worth knowing.
        what: What is so, and where.
        why: Why that is bad.
        do: What to do.
    """

    id: str
    severity: Severity
    what: str
    why: str
    do: str

    def __str__(self) -> str:
        """As lines of output."""
        return (
            f"{self.severity:<8} {self.id}: {self.what}\n         {self.why}\n         -> {self.do}"
        )
