"""Lambda functions that know nothing of Dagster, Temporal or each other.

A job's payload mode gives each the event it has always got.
"""

import fnmatch
import json
from collections.abc import Callable
from typing import Any

Event = dict[str, Any]

BUCKETS = {"inbox": ["may.csv", "june.csv", "notes.txt"]}
"""Stands for S3."""

TABLES = {"customers": [" Ada ", "Grace", ""]}
"""Stands for a database."""

STEPS: dict[str, Callable[[str], str]] = {"strip": str.strip, "upper": str.upper}


def copy_files(event: Event, context: Any) -> Event:
    """Expects ops by name: ``{"copy_files_op": {"config": {"source_bucket": …}}}``."""
    copied = {}
    for op, settings in event.items():
        config = settings["config"]
        files = fnmatch.filter(BUCKETS[config["source_bucket"]], config["file_pattern"])
        print(f"{op}: {len(files)} files to {config['destination_bucket']}")
        copied[op] = files
    return {"copied": copied}


def call_api(event: Event, context: Any) -> Event:
    """Expects its arguments flat: ``{"api_key": …, "endpoint": …, "data": […]}``."""
    missing = [name for name in ("api_key", "endpoint", "data") if name not in event]
    if missing:
        return {"statusCode": 400, "body": json.dumps({"error": f"missing: {missing}"})}
    print(f"{len(event['data'])} records to {event['endpoint']}")
    return {"statusCode": 200, "body": json.dumps({"records_sent": len(event["data"])})}


def run_config_etl(event: Event, context: Any) -> Event:
    """Expects a run config: ``{"ops": {"transform_op": {"config": …}, "load_op": …}}``."""
    transform = event["ops"]["transform_op"]["config"]
    load = event["ops"]["load_op"]["config"]
    print(f"{transform['input_file']} becomes {transform['output_file']}")
    return {
        "statusCode": 200,
        "body": json.dumps({"wrote": transform["output_file"], "to": load["destination"]}),
    }


def nightly_etl(event: Event, context: Any) -> Event:
    """Expects ``{"source": …, "destination": …, "steps": […]}``; raises on other steps."""
    unknown = set(event["steps"]) - STEPS.keys()
    if unknown:
        raise ValueError(f"unknown steps: {sorted(unknown)}")
    rows = TABLES[event["source"]]
    for step in event["steps"]:
        rows = [STEPS[step](row) for row in rows]
    kept = [row for row in rows if row]
    print(f"{len(kept)} of {len(rows)} rows to {event['destination']}")
    return {"loaded": kept, "dropped": len(rows) - len(kept)}
