"""Fixtures of the tests that need no server."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from temporal_lambda import report

NEEDS = {
    "test_distribution.py": ("hatchling", "hatch_fancy_pypi_readme"),
    "test_site.py": ("zensical",),
}
"""Tests that build something, and what with: the environments of tests/matrix.py do without it, and
Python 3.10 has no zensical."""

collect_ignore = [test for test, modules in NEEDS.items() if not all(map(find_spec, modules))]


@pytest.fixture(autouse=True)
def level_of_the_reports_logger() -> Iterator[None]:
    """A report that is written sets the level of its logger; the next test finds it as it was."""
    level = report.logger.level
    yield
    report.logger.setLevel(level)
