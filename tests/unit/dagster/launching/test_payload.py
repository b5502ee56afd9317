"""What is sent of a run."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import pytest

from temporal_lambda.dagster.launching import payload
from temporal_lambda.dagster.launching.payload import RunFacts
from temporal_lambda.dagster.launching.tags import Launch
from temporal_lambda.errors import SettingsError

FACTS = RunFacts("9d6c", "etl", {"ops": {"a": {"config": {"x": 1}}, "b": {}}, "resources": {}})

NOW = datetime(2026, 1, 9, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("ops.c", "no 'c' there: ops has a, b"),
        ("op", "no 'op' there: the root has ops, resources"),
        ("ops.b.config", "no 'config' there: ops.b has nothing"),
        ("ops.a.config.x.y", "no 'y' there: ops.a.config.x is no dictionary but int"),
        ("ops..a", "no '' there: ops has a, b"),
    ],
)
def test_path_into_nowhere_is_reported_with_what_is_there(path: str, message: str) -> None:
    launch = Launch("f", payload_mode="custom", payload_config_path=path)
    with pytest.raises(SettingsError, match=re.escape(message)):
        payload.build(launch, FACTS, NOW)


def test_config_that_is_no_json_is_refused() -> None:
    for value in (float("nan"), NOW):
        facts = replace(FACTS, run_config={"ops": {"a": value}})
        with pytest.raises(SettingsError, match="config of job etl can't be sent as JSON"):
            payload.build(Launch("f"), facts, NOW)


@pytest.mark.parametrize(
    "launch",
    [
        Launch("f", payload_mode="ops_only"),
        Launch("f", payload_mode="config_only"),
        Launch("f", payload_mode="custom", payload_config_path="ops"),
        Launch("f", payload_mode="custom", payload_config_path="nothing"),
    ],
)
def test_empty_payload_is_refused_with_what_to_do(launch: Launch) -> None:
    empty: dict[str, Any] = (
        {} if launch.payload_mode == "config_only" else {"ops": {}, "nothing": None}
    )
    with pytest.raises(SettingsError, match=r"would be empty.*give the run a config"):
        payload.build(launch, RunFacts("9d6c", "etl", empty), NOW)
    assert payload.build(Launch("f"), RunFacts("9d6c", "etl", {}), NOW)


def test_full_payload_has_the_metadata_of_its_launch() -> None:
    built = json.loads(payload.build(Launch("f"), FACTS, NOW))
    assert built["metadata"]["launched_at"] == "2026-01-09T12:00:00+00:00"
    assert "job_graph" not in built


def test_size_is_checked_to_the_byte() -> None:
    payload.check_size(b"x" * 10, 10, Launch("f"))
    for launch, name in (
        (Launch("f"), "max_async_payload_bytes"),
        (Launch("f", invocation_type="RequestResponse"), "max_sync_payload_bytes"),
    ):
        with pytest.raises(SettingsError, match=f"has 11 bytes.* takes 10 .{name}"):
            payload.check_size(b"x" * 11, 10, launch)
