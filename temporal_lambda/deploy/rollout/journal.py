"""What a command has done, step by step; a dry run only says what it would do."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Outcome = Literal["unchanged", "done", "planned", "failed"]


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        what: The thing, e.g. ``code of greeting``.
        outcome: What came of it.
        detail: More.
    """

    what: str
    outcome: Outcome
    detail: str = ""

    def __str__(self) -> str:
        """As a line of output."""
        return f"{self.outcome:<10}{self.what}{f': {self.detail}' if self.detail else ''}"


class Journal:
    """The steps of one command.

    Args:
        dry_run: Change nothing.
        tell: Called with each step.
    """

    def __init__(self, *, dry_run: bool, tell: Callable[[Step], None]) -> None:
        self.dry_run = dry_run
        self.steps: list[Step] = []
        self._tell = tell

    def unchanged(self, what: str, detail: str = "") -> None:
        """Note that something is as it should be."""
        self._add(Step(what, "unchanged", detail))

    async def change(self, what: str, detail: str, action: Callable[[], Any]) -> Any:
        """Do something, unless this is a dry run.

        Args:
            what: The thing.
            detail: What happens to it.
            action: Does it; may be a coroutine function.

        Returns:
            What the action returned; ``None`` in a dry run.
        """
        if self.dry_run:
            self._add(Step(what, "planned", detail))
            return None
        try:
            result = action()
            if inspect.isawaitable(result):
                result = await result
        except BaseException:
            self._add(Step(what, "failed", detail))
            raise
        self._add(Step(what, "done", detail))
        return result

    @property
    def done(self) -> list[str]:
        """What was changed, for the words about a failure."""
        return [step.what for step in self.steps if step.outcome == "done"]

    def _add(self, step: Step) -> None:
        self.steps.append(step)
        self._tell(step)
