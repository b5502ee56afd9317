"""What an op logs, kept for Dagster's event log up to a bound."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from temporal_lambda.dagster.serving.op_failure import clean_text
from temporal_lambda.dagster.serving.run_context import OpContext, in_op

MAX_LINE_CHARACTERS = 2_000
"""Of one log message."""

SHORTEST_SECRET = 4
"""Characters a value must have to be hidden; a shorter one is part of ordinary text."""


class OpLog(logging.Handler):
    """Keeps the first log lines of one attempt at an op.

    Args:
        context: The op's context, which its log calls are made in.
        limit: How many lines to keep.
        secrets: Values that are replaced by ``***``.

    Attributes:
        lines: ``{"time": <epoch seconds>, "level": "INFO", "message": …}`` each.
        left_out: How many more there were.
    """

    def __init__(self, context: OpContext, limit: int, secrets: Collection[str]) -> None:
        super().__init__()
        self._context = context
        self._limit = limit
        self._secrets = [one for one in secrets if len(one) >= SHORTEST_SECRET]
        self.lines: list[dict[str, Any]] = []
        self.left_out = 0

    def emit(self, record: logging.LogRecord) -> None:
        """See base class."""
        if not in_op(self._context):
            return
        if len(self.lines) >= self._limit:
            self.left_out += 1
            return
        try:
            message = self.format(record)
        except Exception:
            self.handleError(record)
            return
        # The SDK's activity logger says at the end of each line what the step says already.
        message = message.removesuffix(f" ({getattr(record, 'temporal_activity', None)})")
        self.lines.append(
            {
                "time": record.created,
                "level": record.levelname,
                "message": clean_text(self.hide(message), MAX_LINE_CHARACTERS),
            }
        )

    def hide(self, text: str) -> str:
        """A text without the secrets."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Listen to the root logger, which whatever is logged reaches by default."""
        if not self._limit:
            yield
            return
        root = logging.getLogger()
        root.addHandler(self)
        try:
            yield
        finally:
            root.removeHandler(self)
