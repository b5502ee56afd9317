"""What an op reported to Dagster: materializations, observations and asset checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dagster import (
    AssetCheckEvaluation,
    AssetCheckSeverity,
    AssetMaterialization,
    AssetObservation,
    DagsterEventType,
)

from temporal_lambda.dagster.dagster_internals import (
    AssetObservationData,
    StepMaterializationData,
)
from temporal_lambda.dagster.launching import foreign_data

Reported = tuple[DagsterEventType, str, Any]
"""The type of an event, its message and its data."""


def reported_event(entry: Mapping[str, Any]) -> Reported:
    """The event that an entry of a step's ``events`` is.

    Args:
        entry: As ``protocol`` has it; not trusted.

    Returns:
        The event's type, its message and its data.

    Raises:
        Exception: The entry makes no sense; Dagster checks values with errors of its own.
    """
    make = _BY_KIND.get(str(entry.get("kind")))
    if make is None:
        raise ValueError(f"unknown kind {entry.get('kind')!r}")
    return make(entry)


def _materialization(entry: Mapping[str, Any]) -> Reported:
    key = foreign_data.asset_key(entry.get("asset_key"))
    what = AssetMaterialization(
        asset_key=key,
        metadata=foreign_data.metadata(entry.get("metadata")),
        partition=_partition(entry),
    )
    message = f"Materialized value {key.to_user_string()}."
    return DagsterEventType.ASSET_MATERIALIZATION, message, StepMaterializationData(what)


def _observation(entry: Mapping[str, Any]) -> Reported:
    key = foreign_data.asset_key(entry.get("asset_key"))
    what = AssetObservation(
        asset_key=key,
        metadata=foreign_data.metadata(entry.get("metadata")),
        partition=_partition(entry),
    )
    message = f"Observed asset {key.to_user_string()}."
    return DagsterEventType.ASSET_OBSERVATION, message, AssetObservationData(what)


def _asset_check(entry: Mapping[str, Any]) -> Reported:
    key, passed, name = entry.get("asset_key"), entry.get("passed"), entry.get("check_name")
    if not isinstance(passed, bool) or not isinstance(name, str) or not name:
        raise ValueError("an asset check needs check_name, a text, and passed, true or false")
    description = entry.get("description")
    what = AssetCheckEvaluation(
        asset_key=foreign_data.asset_key(key),
        check_name=foreign_data.clean_text(name, 200),
        passed=passed,
        metadata=foreign_data.metadata(entry.get("metadata")),
        severity=AssetCheckSeverity(entry.get("severity") or "ERROR"),
        description=None if description is None else foreign_data.clean_text(description),
    )
    word = "succeeded" if passed else "did not pass"
    message = f"Asset check {what.check_name!r} on {what.asset_key.to_user_string()!r} {word}."
    return DagsterEventType.ASSET_CHECK_EVALUATION, message, what


_BY_KIND: dict[str, Callable[[Mapping[str, Any]], Reported]] = {
    "materialization": _materialization,
    "observation": _observation,
    "asset_check": _asset_check,
}


def _partition(entry: Mapping[str, Any]) -> str | None:
    partition = entry.get("partition")
    return None if partition is None else foreign_data.clean_text(partition, 500)
