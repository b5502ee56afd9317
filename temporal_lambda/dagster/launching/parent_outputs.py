"""Outputs that a re-execution needs from the runs before it, read from their step events."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from dagster import DagsterEventType, DagsterInstance, DagsterRun

from temporal_lambda.dagster.launching.step_events import OUTPUT, OUTPUT_JSON, OUTPUT_OMITTED

MAX_GENERATIONS = 100
"""Re-executions of re-executions that are looked through."""


def parent_outputs(
    instance: DagsterInstance, run: DagsterRun, steps: Collection[str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """The outputs of steps in the runs that a run repeats, the latest first.

    Args:
        instance: Where the runs are.
        run: The re-execution.
        steps: Steps whose outputs it needs.

    Returns:
        Step -> output, and step -> why its output is not known here.
    """
    known: dict[str, Any] = {}
    missing: dict[str, str] = {}
    parent_id = run.parent_run_id
    for _ in range(MAX_GENERATIONS):
        open_steps = set(steps) - set(known) - set(missing)
        if parent_id is None or not open_steps:
            break
        for log in instance.all_logs(parent_id, of_type=DagsterEventType.STEP_OUTPUT):
            if log.step_key in open_steps and log.dagster_event:
                metadata = log.dagster_event.step_output_data.metadata
                if OUTPUT_OMITTED in metadata:
                    missing[log.step_key] = str(metadata[OUTPUT_OMITTED].value)
                else:
                    known[log.step_key] = _output(metadata)
        parent = instance.get_run_by_id(parent_id)
        parent_id = parent.parent_run_id if parent else None
    for step in set(steps) - set(known) - set(missing):
        missing[step] = "no run before this one tells it"
    return known, missing


def _output(metadata: Any) -> Any:
    if as_json := metadata.get(OUTPUT_JSON):
        return json.loads(str(as_json.value))
    found = metadata.get(OUTPUT)
    return None if found is None else found.value
