"""A worker that does not know its deadline, as a handler called without Lambda's context."""

from __future__ import annotations

from typing import Any

from common import VERSION, register

from temporal_lambda import run_worker

worker = run_worker(VERSION, register)


def lambda_handler(event: Any, context: Any) -> None:
    worker(event, None)


lambda_handler.version = VERSION  # type: ignore[attr-defined] # No type says what it may carry.
