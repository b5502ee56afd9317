"""What travels between the launcher in Dagster and the handler in Lambda: names, nothing else.

A request is a payload in one of the four modes. For durable runs there are two more, in the shape
of a ``full`` payload without its config: ``{"dagster_run": {"run_id": "…"}, "request": "cancel"}``
and the same with ``"status"``. They are answered like a run.

An answer is ``{"statusCode": 200, "body": "<json>"}``. Its body has ``status`` and, where they are
known, ``run_id``, ``job_name`` and ``workflow_id``; with ``success`` also ``result``
(``{"ops_processed": 2, "results": {op: …}}``), with ``error`` also ``error``, a text.
"""

from __future__ import annotations

from typing import Literal

PayloadMode = Literal["full", "config_only", "ops_only", "custom"]
"""How much of a run a payload holds."""

Request = Literal["run", "cancel", "status"]
"""What is asked for; a payload that doesn't say is a ``run``."""

Status = Literal["success", "error", "running", "canceled"]
"""What became of a run."""

OK = 200
"""``success``; also ``canceled``, as the answer to a cancel request."""

RUNNING = 202
"""``running``: not done when the invocation had to end. Asked again, the run goes on."""

BAD_REQUEST = 400
"""``error``: the payload was refused, and nothing was started."""

NOT_FOUND = 404
"""``error``: a cancel or status request for a run that is not known here."""

CANCELED = 409
"""``canceled``, as the answer to a run."""

FAILED = 500
"""``error``: the run failed."""
