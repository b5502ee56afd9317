"""Fixtures of the tests that need no server."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest

from temporal_lambda import report

# They build what is uploaded, which takes what the environments of tests/matrix.py do without.
collect_ignore = [] if find_spec("zensical") else ["test_distribution.py", "test_site.py"]


@pytest.fixture(autouse=True)
def level_of_the_reports_logger() -> Iterator[None]:
    """A report that is written sets the level of its logger; the next test finds it as it was."""
    level = report.logger.level
    yield
    report.logger.setLevel(level)
