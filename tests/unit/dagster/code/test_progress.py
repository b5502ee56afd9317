"""Which steps are ready, skipped or in vain: as Dagster's own state machine says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import dagster as dg
import pytest

from temporal_lambda.dagster.code.code_location import code_location
from temporal_lambda.dagster.code.launched_run import unpack_run
from temporal_lambda.dagster.code.progress import Progress
from temporal_lambda.dagster.code.run_data import CodeRun, Note, StepResult
from tests.unit.dagster.code.runs import packed, run_of


@dg.op(out={"yes": dg.Out(is_required=False), "no": dg.Out(is_required=False)})
def choose() -> Any:
    yield dg.Output(1, "yes")


@dg.op
def take(value):  # type: ignore[no-untyped-def] # Dagster reads annotations.
    return value


@dg.op(tags={"dagster/priority": "3"})
def urgent() -> int:
    return 1


@dg.op(out=dg.DynamicOut(is_required=False))
def pieces() -> Any:
    yield dg.DynamicOutput(1, "a")


@dg.op
def add(values):  # type: ignore[no-untyped-def] # Dagster reads annotations.
    return values


@dg.job
def choosing() -> None:
    yes, no = choose()
    take.alias("first")(yes)
    take.alias("last")(take.alias("never")(no))


@dg.job
def many() -> None:
    take.alias("after")(urgent.alias("z_urgent")())
    for name in "cab":
        choose.alias(name)()


@dg.job
def mapped() -> None:
    add(pieces().map(take).collect())


DONE = StepResult("success", "", outputs=[("result", None)])
FAILED = StepResult("failure", "", error="no luck")


@pytest.fixture(autouse=True)
def definitions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    made = ModuleType("made_for_a_test")
    vars(made)["defs"] = dg.Definitions(jobs=[choosing, many, mapped])
    monkeypatch.setitem(sys.modules, made.__name__, made)
    code_location.cache_clear()
    yield
    code_location.cache_clear()


def progress(job: str, **run: Any) -> Progress:
    return Progress(CodeRun("9d6c", job, "made_for_a_test", packed(run_of(job, **run))))


def test_outputs_that_were_not_produced_skip_what_needs_them() -> None:
    with progress("choosing") as run:
        assert run.ready() == ["choose"]
        assert run.ready() == []
        run.take("choose", StepResult("success", "", outputs=[("yes", None)]))
        why = "Skipping step {} due to skipped dependencies: ['{}']."
        assert run.passed_over() == [
            Note("never", "skipped", why.format("never", "choose.no")),
            Note("last", "skipped", why.format("last", "never.result")),
        ]
        assert run.ready() == ["first"]
        run.take("first", DONE)
        assert (run.passed_over(), run.ready(), run.failed) == ([], [], {})


def test_steps_after_a_failure_are_told_and_the_others_go_on() -> None:
    with progress("many") as run:
        assert run.ready() == ["z_urgent", "a", "b", "c"]
        run.take("z_urgent", FAILED)
        told = "Dependencies for step after failed: ['z_urgent']. Not executing."
        assert run.passed_over() == [Note("after", "abandoned", told)]
        for key in "abc":
            run.take(key, StepResult("success", ""))
        assert (run.passed_over(), run.ready()) == ([], [])
        assert run.failed == {"z_urgent": "no luck"}


def test_as_many_are_ready_as_the_run_config_allows() -> None:
    config = {"execution": {"config": {"multiprocess": {"max_concurrent": 2}}}}
    with progress("many", run_config=config) as run:
        assert run.ready() == ["z_urgent", "a"]
        run.take("a", StepResult("success", ""))
        assert run.ready() == ["b"]
        run.take("z_urgent", DONE)
        run.take("b", StepResult("success", ""))
        assert run.ready() == ["after", "c"]
        run.take("after", DONE)
        run.take("c", StepResult("success", ""))


def test_mappings_extend_the_plan_and_a_step_is_told_what_it_needs_alone() -> None:
    with progress("mapped") as run:
        assert run.ready() == ["pieces"]
        outputs: list[tuple[str, str | None]] = [("result", "b"), ("result", "a")]
        values = {"pieces.result[a]": "A", "pieces.result[b]": "B"}
        run.take("pieces", StepResult("success", "", outputs=outputs, values=values))
        assert run.ready() == ["take[a]", "take[b]"]
        call = run.call("take[a]")
        assert call.values == {"pieces.result[a]": "A"}
        _, state = unpack_run(call.run)
        assert state
        assert [one.mapping_key for one in state.ready_outputs] == ["a"]
        run.take("take[a]", DONE)
        run.take("take[b]", DONE)
        assert run.ready() == ["add"]
        run.take("add", DONE)


def test_mapping_without_pieces_skips_what_collects_them() -> None:
    with progress("mapped") as run:
        assert run.ready() == ["pieces"]
        run.take("pieces", StepResult("success", ""))
        assert [(note.key, note.kind) for note in run.passed_over()] == [("add", "skipped")]


def test_retry_counts_and_the_step_stays_ready() -> None:
    with progress("many") as run:
        run.ready()
        run.take("a", StepResult("retry", "", wait=1.0))
        _, state = unpack_run(run.call("a").run)
        assert state
        assert state.previous_retry_attempts == {"a": 1}
        _, other = unpack_run(run.call("b").run)
        assert other
        assert other.previous_retry_attempts == {}
        for key in ("a", "b", "c"):
            run.take(key, StepResult("success", ""))
        run.take("z_urgent", FAILED)
        run.passed_over()


def test_retries_that_the_run_config_disables_are_not_asked_for() -> None:
    retries: dict[str, Any] = {"disabled": {}}
    config = {"execution": {"config": {"in_process": {"retries": retries}}}}
    with progress("choosing", run_config=config) as run:
        run.ready()
        assert run.call("choose").retry_mode == "disabled"
        run.take("choose", StepResult("failure", ""))
        run.passed_over()
