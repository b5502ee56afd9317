"""The parts of the benchmarks that measure nothing themselves."""

from __future__ import annotations

import dataclasses
import doctest
import json
import math
from datetime import datetime, timezone
from pathlib import Path
from types import ModuleType
from typing import Literal

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from bench import endurance, load, log_values, model, results, table
from bench.cost import at_rate
from bench.model import Costs
from bench.parts import MINUTES, PARTS
from bench.results import Measured, Row
from temporal_lambda.local import InvocationRecord
from temporal_lambda.runtime.leaving import LEAST_SETTLE

OURS = Costs(start=0.01, work=0.12, close=0.01, polls=51.0, quiet=1.0)
CONTRIB = Costs(start=0.01, work=0.12, close=0.01, polls=53.0, quiet=math.inf)
RATES = (1 / 60, 0.1, 1.0, 8.0, 50.0)


def cost(rate: float, costs: Costs) -> float:
    """Over ten of contrib's invocations at least, so that the last one's end weighs little."""
    return model.per_workflow(rate, costs, max(300, round(10 * CONTRIB.polls * rate)))


BILLED = Measured(
    "Billed time",
    "How it was done.",
    [Row("billed time", "ms", [1200.0, 1100.0, 1300.0], [53000.0], goal="less", met=True)],
    {"curve": [(1.0, 2.00049)]},
)


@pytest.mark.parametrize("rate", RATES)
def test_nobody_is_cheaper_than_pure_work(rate: float) -> None:
    limit = cost(rate, OURS.pure_work())
    assert OURS.work / OURS.slots <= limit <= OURS.work
    for costs in (OURS, CONTRIB):
        assert cost(rate, costs) >= limit


def test_rare_workflows_cost_an_invocation_each() -> None:
    ours, contrib = (model.billed_seconds([0.0, 1000.0], costs) / 2 for costs in (OURS, CONTRIB))
    assert ours == pytest.approx(0.01 + 0.12 + 1.0 + 0.01)
    assert contrib == pytest.approx(0.01 + 53.0 + 0.01)


def test_contrib_falls_towards_ours_as_workflows_come_faster() -> None:
    ratios = [cost(rate, CONTRIB) / cost(rate, OURS) for rate in RATES]
    assert ratios[0] > ratios[1] > ratios[2] > ratios[3]
    assert ratios[0] > 20
    assert ratios[-1] < 1.3


def test_workflows_that_find_no_slot_share_one_new_invocation() -> None:
    billed = model.billed_seconds([0.0, 0.01, 0.02], OURS)
    one = OURS.start + OURS.quiet + OURS.close
    # Three workflows, two slots: the third one begins when the first one is done.
    assert billed == pytest.approx(one + 2 * OURS.work)


def test_work_that_runs_at_the_end_of_polling_is_finished() -> None:
    costs = dataclasses.replace(CONTRIB, polls=0.05)
    assert model.billed_seconds([0.0], costs) == pytest.approx(0.01 + 0.12 + 0.01)


def test_growth_compares_the_last_window_with_the_first_warm_one() -> None:
    warm_up = [100.0] * endurance.WARM_UP
    assert endurance.growth([*warm_up, *[1.0] * 20, *[7.0] * 100, *[3.0] * 20]) == 2.0


def test_part_measured_anew_replaces_its_section_and_leaves_the_others() -> None:
    order = ("billed", "warm")
    page = table.page({"warm": "## Warm\n\nfirst\n", "billed": "## Billed\n\nfirst\n"}, order)
    again = table.page({**table.sections(page), "warm": "## Warm\n\nanew\n"}, order)
    assert again == page.replace("## Warm\n\nfirst", "## Warm\n\nanew")
    assert again.index("## Billed\n\nfirst") < again.index("## Warm\n\nanew")


def test_every_value_is_kept_beside_the_page(tmp_path: Path) -> None:
    results.write(tmp_path / "build", "billed", BILLED)
    kept = json.loads((tmp_path / "build" / "billed.json").read_text())
    assert kept["rows"][0]["ours"] == [1200.0, 1100.0, 1300.0]
    assert kept["points"] == {"curve": [[1.0, 2.0]]}


def test_charts_in_the_documents_are_few_and_small() -> None:
    docs = Path(__file__).parents[2] / "docs"
    assert "warm" in table.sections((docs / table.FILE).read_text())
    sizes = {chart.name: chart.stat().st_size for chart in (docs / "benchmarks").iterdir()}
    assert len(sizes) <= 3
    assert max(sizes.values()) < 40_000, sizes


@pytest.mark.parametrize(
    ("better", "ours", "beside", "ratio"),
    [
        ("lower", [1.0, 2.0, 9.0], [8.0], 4.0),
        ("higher", [50.0], [100.0], 0.5),
        ("neither", [1.0], [2.0], None),
        ("lower", [0.0], [3.0], None),
        ("lower", [1.0], [], None),
    ],
)
def test_ratio_says_how_many_times_better_ours_is(
    better: Literal["lower", "higher", "neither"],
    ours: list[float],
    beside: list[float],
    ratio: float | None,
) -> None:
    assert Row("measure", "", ours, beside, better=better).ratio == ratio


def test_section_has_a_table_the_machine_and_the_chart() -> None:
    lost = Row("import", "ms", [8.0], [4.0], other="bare worker", goal="1x", met=False, note="cold")
    measured = dataclasses.replace(BILLED, rows=[*BILLED.rows, lost])
    section = table.section(
        "billed", measured, {"CPUs": "2", "Python": "3.11"}, chart=Path("b/billed.svg"), quick=True
    )
    assert section.startswith("## Billed time (quick run)\n\nHow it was done.\n")
    assert "| billed time | 1200 ms (1100..1300, n=3) | 53000 ms | 44.2x | less: met |\n" in section
    assert "| import (cold) | 8 ms | 4 ms (bare worker) | 0.5x | 1x: **missed** |\n" in section
    assert "On CPUs 2, Python 3.11. Alone: `python -m bench billed`.\n" in section
    assert "![Billed time](b/billed.svg)" in section


def test_function_s_lines_are_read_back_from_its_log() -> None:
    record = InvocationRecord(
        number=1,
        request_id="id",
        function="ours",
        environment=1,
        invocation_type="Event",
        attempt=1,
        cold=False,
        started_at=datetime.now(timezone.utc),
        pid=1,
        log=["START", 'BENCH {"what": "started", "ms": 4.5}', "something else"],
    )
    assert log_values.values([record, record], "started", "ms") == [4.5, 4.5]
    assert log_values.line(record, "back") is None


@pytest.mark.parametrize("module", [table])
def test_examples_in_docstrings_of_the_benchmarks_run(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0


def test_task_that_was_lost_shows_in_the_history() -> None:
    timed_out = HistoryEvent(event_type=EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT)
    second_attempt = HistoryEvent(event_type=EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED)
    failure = second_attempt.activity_task_started_event_attributes.last_failure
    failure.timeout_failure_info.SetInParent()
    assert load.tells_of_a_loss(timed_out)
    assert load.tells_of_a_loss(second_attempt)


def test_task_that_was_given_back_is_not_lost() -> None:
    second_attempt = HistoryEvent(event_type=EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED)
    failure = second_attempt.activity_task_started_event_attributes.last_failure
    failure.application_failure_info.type = "WorkerShutdown"
    assert not load.tells_of_a_loss(second_attempt)
    assert not load.tells_of_a_loss(HistoryEvent())


@pytest.mark.parametrize(("rate", "stays"), [(0.01, 0.1), (0.1, 0.5), (1.0, 0.5)])
def test_auto_of_the_cost_model_decides_as_the_worker_does(rate: float, stays: float) -> None:
    made = at_rate("auto", OURS, rate)
    assert made.quiet == pytest.approx(LEAST_SETTLE)
    assert made.stays == stays
    assert (made.overdue > 0) is (rate > 0.2)


def test_auto_of_the_cost_model_waits_where_arrivals_are_frequent() -> None:
    assert at_rate("auto", OURS, 10.0).quiet > 0.2


def test_invocation_of_the_cost_model_stays_as_long_as_it_has_to() -> None:
    costs = dataclasses.replace(OURS, quiet=0.05, stays=0.5)
    assert model.billed_seconds([0.0], costs) == pytest.approx(0.5 + OURS.close)


def test_last_arrival_of_the_cost_model_is_served_and_no_other_one() -> None:
    costs = dataclasses.replace(OURS, quiet=0.05, overdue=10.0)
    entered = model.CONTROLLER_SECONDS + costs.start
    # The third finds no poll, and gets an invocation of its own, which waits until it is overdue.
    second = 5.0
    alone = model.billed_seconds([0.0], costs)
    assert model.billed_seconds([0.0, second, second + 0.001], costs) == pytest.approx(
        second + costs.work + costs.quiet + costs.close - entered + costs.start + alone, abs=0.01
    )


def test_length_of_every_part_is_known() -> None:
    assert MINUTES.keys() == PARTS.keys()
