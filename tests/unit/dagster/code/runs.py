"""Jobs and runs for the tests of what executes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster import DagsterRun

from temporal_lambda.dagster.dagster_internals import serialize_value
from temporal_lambda.dagster.packed_text import pack


def run_of(job: str, **more: Any) -> DagsterRun:
    return DagsterRun(job, run_id="9d6c", **more)


def packed(run: DagsterRun) -> str:
    return pack([serialize_value(run)])


def kinds(entries: list[dg.EventLogEntry]) -> list[str]:
    """The types of the events, without those of resources."""
    found = [one.dagster_event.event_type_value for one in entries if one.dagster_event]
    return [one for one in found if not one.startswith("RESOURCE")]


def code_part(run: DagsterRun, **more: Any) -> Mapping[str, Any]:
    return {"run": packed(run), "dagster": dg.__version__, **more}
