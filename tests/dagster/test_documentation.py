"""docs/dagster-reference.md keeps step with the code."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from temporal_lambda.dagster.launching import payload, tags
from temporal_lambda.dagster.launching.config import LauncherConfig
from temporal_lambda.dagster.launching.config_schema import config_schema
from temporal_lambda.dagster.launching.payload import RunFacts

DOCUMENT = (Path(__file__).parents[2] / "docs" / "dagster-reference.md").read_text()


def rows() -> dict[str, str]:
    """The last cell but one of each table's row, by its first."""
    found = re.findall(r"^\| `([^`]+)` \| (.*?) ?\|(?: .*)?$", DOCUMENT, re.MULTILINE)
    return dict(found)


def test_every_option_is_in_the_table_with_its_default() -> None:
    default = LauncherConfig()
    schema: Any = config_schema()
    for option in schema:
        assert option in rows(), option
        value = getattr(default, option, None)
        if isinstance(value, bool):
            assert rows()[option] == f"`{str(value).lower()}`", option
        elif isinstance(value, int) and not option.endswith("_bytes"):
            assert rows()[option] == str(value), option


@pytest.mark.parametrize("tag", tags.SETTINGS)
def test_every_tag_is_in_the_table(tag: str) -> None:
    assert tag in rows()


def test_payload_has_the_fields_it_is_documented_with() -> None:
    block, *_ = re.findall(r"^```json\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
    documented = json.loads(block)
    facts = RunFacts("9d6c", "etl_lambda_job", {"ops": {}}, job_graph={"extract": []})
    sent = json.loads(payload.build(tags.Launch("etl"), facts, datetime.now(timezone.utc)))
    assert documented.keys() == sent.keys()
    for name in ("dagster_run", "dagster_cloud", "metadata"):
        assert documented[name].keys() == sent[name].keys()
