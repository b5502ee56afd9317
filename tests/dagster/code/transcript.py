"""What a run left in its event log, without what differs from one execution to the next."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from dagster import DagsterEvent, DagsterInstance, EventLogEntry

NOT_COMPARED = {
    "ENGINE_EVENT",  # who executes, in which process
    "LOGS_CAPTURED",  # where the output of processes can be read
    "RESOURCE_INIT_STARTED",  # once per process
    "RESOURCE_INIT_SUCCESS",
}

OF_IO_MANAGERS = ("Writing file at", "Loading file from")


@dataclass
class Transcript:
    """A run, as its event log tells it.

    Attributes:
        status: What became of it.
        events: Step -> its events by type, in order, with what they are about.
        logs: Step -> its log lines, with their levels.
        steps: Step -> its status, and in how many attempts.
    """

    status: str
    events: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    logs: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    steps: dict[str, tuple[str, int]] = field(default_factory=dict)


def transcript(instance: DagsterInstance, run_id: str) -> Transcript:
    """Read a run's event log."""
    run = instance.get_run_by_id(run_id)
    assert run is not None
    told = Transcript(run.status.value)
    for entry in instance.all_logs(run_id):
        _take(told, entry)
    for key, events in told.events.items():
        # Hooks are a set, and come last.
        told.events[key] = sorted(events, key=lambda one: one if "HOOK" in one[0] else ("",))
    for stats in instance.get_run_step_stats(run_id):
        status = stats.status.value if stats.status else "?"
        told.steps[stats.step_key] = (status, len(stats.attempts_list))
    return told


def _take(told: Transcript, entry: EventLogEntry) -> None:
    event, key = entry.dagster_event, entry.step_key
    if key is None:
        return
    if event is None:
        if not entry.user_message.startswith(OF_IO_MANAGERS):
            told.logs.setdefault(key, []).append((int(entry.level), entry.user_message))
    elif event.event_type_value not in NOT_COMPARED and "PLANNED" not in event.event_type_value:
        told.events.setdefault(key, []).append((event.event_type_value, *_about(event)))


def _about(event: DagsterEvent) -> tuple[Any, ...]:
    data: Any = event.event_specific_data
    kind = event.event_type_value
    if kind == "ASSET_MATERIALIZATION":
        made = data.materialization
        versions = _versions(made.tags or {}, made.partition)
        return made.asset_key.to_user_string(), made.partition, _shown(made.metadata), versions
    if kind == "ASSET_OBSERVATION":
        seen = data.asset_observation
        return seen.asset_key.to_user_string(), seen.partition, _shown(seen.metadata)
    if kind == "ASSET_CHECK_EVALUATION":
        return data.check_name, data.passed, data.severity.value, _shown(data.metadata)
    if kind == "STEP_OUTPUT":
        output = data.step_output_handle
        return output.output_name, output.mapping_key, data.type_check_data.success
    if kind in ("STEP_FAILURE", "STEP_UP_FOR_RETRY"):
        error = data.error
        while error.cause:
            error = error.cause
        return error.cls_name, error.message.strip()
    if kind in ("STEP_INPUT", "LOADED_INPUT", "HANDLED_OUTPUT"):
        return (event.message,)
    if kind.startswith("HOOK"):
        return (event.message,)
    return ()


def _versions(tags: Any, partition: str | None) -> list[str]:
    """The names of the tags with data versions; their values begin with the run's id."""
    return sorted(tags) if partition is None else []


def _shown(metadata: Any) -> dict[str, Any]:
    """Metadata without the paths of IO managers."""
    return {name: entry.value for name, entry in metadata.items() if name != "path"}


def starts(instance: DagsterInstance, run_id: str) -> Counter[str]:
    """How often the event log has each step's begin."""
    return Counter(
        entry.step_key
        for entry in instance.all_logs(run_id)
        if entry.dagster_event and entry.dagster_event.event_type_value == "STEP_START"
        if entry.step_key
    )
