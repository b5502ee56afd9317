"""README's statements: each figure is the benchmarks' own, each list is complete."""

from __future__ import annotations

import re
from pathlib import Path

import tomli

from temporal_lambda.cloudwatch_metrics import UNITS
from temporal_lambda.report import InvocationReport
from tests.support.reliability import documented_faults

ROOT = Path(__file__).parents[2]
README = " ".join((ROOT / "README.md").read_text().split())
LONGEST = 130


def measured(measure: str, column: int = 1) -> float:
    """A figure of docs/benchmarks.md.

    Args:
        measure: How the row begins.
        column: 1 for this package, 2 for the contrib module.
    """
    table = (ROOT / "docs" / "benchmarks.md").read_text()
    (row,) = [line for line in table.splitlines() if line.startswith(f"| {measure}")]
    return float(row.split(" | ")[column].split()[0])


def total(measure: str, loads: tuple[str, ...], column: int = 1) -> float:
    """The sum of a figure over loads, with the server's setting on and off."""
    return sum(
        measured(f"{load} closings, server setting {setting}: {measure}", column)
        for load in loads
        for setting in ("on", "off")
    )


def figures(pattern: str) -> list[float]:
    """The figures in the one passage of README that matches."""
    (found,) = re.findall(pattern, README)
    return [float(figure) for figure in found]


def test_readme_fits_a_few_screens() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= LONGEST


def test_billed_time_is_that_of_the_benchmark() -> None:
    billed = "billed time of one 100 ms workflow, 60 s function"
    ours, contrib = figures(r"60 s function: (\S+) s billed, .*? takes (\S+) s\.")
    assert ours == round(measured(billed) / 1000, 2)
    assert contrib == round(measured(billed, 2) / 1000)


def test_lost_tasks_are_those_of_the_benchmark() -> None:
    deadlines, lost, contrib_lost, contrib, idle, idle_lost = figures(
        r"(\d+) invocations that ended at their deadline lost (\d+) tasks "
        r"\(contrib: (\d+) in (\d+)\), and (\d+) that ended idle lost (\d+)\."
    )
    assert deadlines == total("closings", ("deadline",))
    assert lost == total("lost tasks", ("deadline",))
    assert contrib_lost == total("lost tasks", ("deadline",), 2)
    assert contrib == total("closings", ("deadline",), 2)
    assert idle == total("closings", ("idle", "late-idle"))
    assert idle_lost == total("lost tasks", ("idle", "late-idle"))


def test_warm_start_is_that_of_the_benchmark() -> None:
    used = "warm start, used seconds ago"
    reused, connected = figures(
        r"runs (\d+) ms after the handler's entry instead of (\d+) ms, in an environment used "
        r"seconds ago"
    )
    assert (reused, connected) == (round(measured(used)), round(measured(used, 2)))


def test_table_of_faults_is_as_long_as_it_is_said_to_be() -> None:
    assert "some fifty faults" in README
    assert 45 < len(documented_faults()) < 55


def test_table_of_extras_is_complete() -> None:
    extras = tomli.loads((ROOT / "pyproject.toml").read_text())["project"]
    text = (ROOT / "docs" / "install.md").read_text()
    missing = [name for name in extras["optional-dependencies"] if f"\n| `{name}` |" not in text]
    assert missing == []


def test_fields_of_the_report_and_its_metrics_are_documented() -> None:
    text = (ROOT / "docs" / "report.md").read_text()
    documented = set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", text, re.M))))
    assert documented == {*InvocationReport(None, cold=True).as_dict(), *UNITS}
