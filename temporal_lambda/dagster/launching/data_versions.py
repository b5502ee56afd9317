"""The data versions of an asset's inputs: a function does not see them, and the instance does."""

from __future__ import annotations

import logging

from dagster import AssetKey, AssetMaterialization, DagsterInstance, DataVersion, EventLogEntry

from temporal_lambda.dagster.dagster_internals import (
    CODE_VERSION_TAG,
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    INPUT_DATA_VERSION_TAG_PREFIX,
    INPUT_EVENT_POINTER_TAG_PREFIX,
    StepMaterializationData,
    compute_logical_data_version,
    extract_data_version_from_entry,
)

logger = logging.getLogger(__name__)

PREFIX = f"{INPUT_DATA_VERSION_TAG_PREFIX}/"


def with_data_versions(instance: DagsterInstance, entry: EventLogEntry) -> EventLogEntry:
    """A materialization that names the versions of its inputs as the instance has them.

    Without them Dagster would show the asset as out of date. Of an input with partitions it is not
    known here which of them were loaded, so it stays as the function has it.

    Args:
        instance: Where the run is; it has what the steps before this one have materialized.
        entry: Any entry of an event log.
    """
    event = entry.dagster_event
    if event is None or not event.is_step_materialization:
        return entry
    data = event.step_materialization_data
    made = data.materialization
    try:
        tags = _corrected(instance, made)
    except Exception:
        # An event is not lost for want of what it came from.
        logger.exception("the versions of the inputs of %s can't be read", made.asset_key)
        return entry
    if tags == (made.tags or {}):
        return entry
    corrected = StepMaterializationData(made._replace(tags=tags), data.asset_lineage)
    return entry._replace(dagster_event=event._replace(event_specific_data=corrected))


def _corrected(instance: DagsterInstance, made: AssetMaterialization) -> dict[str, str]:
    tags = dict(made.tags or {})
    names = [tag.removeprefix(PREFIX) for tag in tags if tag.startswith(PREFIX)]
    for name in names:
        record = instance.get_latest_data_version_record(AssetKey.from_user_string(name))
        version = record and extract_data_version_from_entry(record.event_log_entry)
        if record is None or record.partition_key is not None or version is None:
            continue
        tags[f"{PREFIX}{name}"] = version.value
        tags[f"{INPUT_EVENT_POINTER_TAG_PREFIX}/{name}"] = str(record.storage_id)
    code_version = tags.get(CODE_VERSION_TAG)
    if names and code_version and DATA_VERSION_IS_USER_PROVIDED_TAG not in tags:
        inputs = {
            AssetKey.from_user_string(name): DataVersion(tags[f"{PREFIX}{name}"]) for name in names
        }
        tags[DATA_VERSION_TAG] = compute_logical_data_version(code_version, inputs).value
    return tags
