"""The answer to an event that can't be served."""

from __future__ import annotations

from typing import Any

from temporal_lambda.dagster.serving.answer import Answers
from temporal_lambda.errors import PayloadError
from temporal_lambda.runtime.work_strategy import Stop, Work


class Refuse:
    """A work strategy: say why an event can't be served.

    Args:
        answers: Answers about the run.
        error: Why.
    """

    connects = polls = False

    def __init__(self, answers: Answers, error: PayloadError) -> None:
        self._answers = answers
        self._error = error

    async def run(self, work: Work) -> Stop:
        """See base class."""
        return Stop("result", self.outcome())

    def outcome(self) -> Any:
        """See base class."""
        return self._answers.refused(self._error)
