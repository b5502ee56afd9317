"""``make test-extras`` leaves no extra out."""

from __future__ import annotations

import re
from pathlib import Path

from tests.extras import PROMISES

ROOT = Path(__file__).parents[2]


def test_every_extra_has_a_promise() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    table = text.partition("[project.optional-dependencies]\n")[2].partition("\n[")[0]
    extras = re.findall(r"^([\w-]+) = \[", table, re.MULTILINE)
    assert len(extras) > 5
    assert {promise.extra for promise in PROMISES} == {"", *extras}


def test_every_extra_is_in_the_table_of_the_documents() -> None:
    documented = re.findall(r"^\| `([\w-]+)` \|", (ROOT / "docs" / "install.md").read_text(), re.M)
    assert {promise.extra for promise in PROMISES} == {"", *documented}
