"""What a handler says of itself, in a process of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from temporal_lambda.describe_handler import MARK
from temporal_lambda.local import Function
from temporal_lambda.local.guardian import Guardian
from temporal_lambda.local.handler_version import connects


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"deployment_name": "orders", "build_id": "1"}, True),
        ({"deployment_name": None, "build_id": None}, False),
        ({"deployment_name": "orders", "build_id": "1", "connects": False}, False),
    ],
)
async def test_package_beside_the_handler_may_be_an_older_one(
    said: dict[str, str | bool | None], expected: bool, tmp_path: Path
) -> None:
    """It is imported in place of this one; here it says what an older one said."""
    (package := tmp_path / "temporal_lambda").mkdir()
    (package / "__init__.py").touch()
    (package / "describe_handler.py").write_text(f"print({MARK + json.dumps(said)!r})")
    guardian = Guardian()
    try:
        assert await connects(Function("f", "app.handler", tmp_path), guardian) is expected
    finally:
        await guardian.close()
