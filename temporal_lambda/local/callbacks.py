"""Calls what users want to be told by."""

from __future__ import annotations

import logging
from collections.abc import Callable

logger = logging.getLogger(__name__)


class Callbacks:
    """Calls a user's callbacks: an error in one is no error of the invocation."""

    def __init__(self) -> None:
        self._broken: list[Callable[..., None]] = []

    def call(self, callback: Callable[..., None], *arguments: object) -> None:
        """Call one; log its first error, and no more of them."""
        try:
            callback(*arguments)
        except Exception:
            if callback not in self._broken:
                self._broken.append(callback)
                logger.exception("%r failed; its further errors are not logged", callback)
