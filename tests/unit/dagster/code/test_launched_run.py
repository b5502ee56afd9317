"""What a launcher sends of a run is read, or refused with the reason."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from temporal_lambda.dagster.code.launched_run import LaunchedRun, check_version
from temporal_lambda.dagster.packed_text import pack
from temporal_lambda.errors import PayloadError
from tests.unit.dagster.code.runs import code_part, run_of


@dg.op(config_schema={"count": int})
def count(context):  # type: ignore[no-untyped-def] # Dagster reads annotations.
    return context.op_config["count"]


@dg.job
def counting() -> None:
    count()


@dg.job(name="counting", description="another")
def other() -> None:
    count()


def test_run_is_read() -> None:
    run = run_of("counting", tags={"team": "shop"})
    launched = LaunchedRun.parse(code_part(run), "9d6c")
    assert (launched.run.job_name, launched.run.tags) == ("counting", {"team": "shop"})
    assert launched.known_state is None


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (None, "tag the job or the run with lambda/run_code"),
        ("a text", "must be an object with run"),
        ({"run": 3}, "must be an object with run"),
        ({"run": "", "dagster": dg.__version__}, "the run can't be read with Dagster"),
        ({"run": pack([]), "dagster": dg.__version__}, "the run can't be read with Dagster"),
        ({"run": pack(["{}"]), "dagster": dg.__version__}, "the run can't be read with Dagster"),
        ({"run": pack(["{"]), "dagster": dg.__version__}, "the run can't be read with Dagster"),
        (code_part(run_of("counting"), dagster=None), "must name the instance's version"),
        (code_part(run_of("counting"), dagster="new"), "must name the instance's version"),
    ],
)
def test_what_is_none_is_refused(code: Any, told: str) -> None:
    with pytest.raises(PayloadError, match=told):
        LaunchedRun.parse(code, "9d6c")


def test_run_of_another_payload_is_refused() -> None:
    with pytest.raises(PayloadError, match="is of run 1234, and its part 'code' of another"):
        LaunchedRun.parse(code_part(run_of("counting")), "1234")


@pytest.mark.parametrize("version", [dg.__version__, "1.999.0", "1.999.0rc1"])
def test_instance_of_the_same_or_a_newer_version_is_served(version: str) -> None:
    check_version(version)


@pytest.mark.parametrize("version", ["1.0.0", "0.15.9", "2.0.0"])
def test_instance_that_could_not_read_the_events_is_not(version: str) -> None:
    with pytest.raises(PayloadError, match=f"and the instance {version}"):
        check_version(version)


def test_other_definition_is_refused_by_the_same_version_alone() -> None:
    digest = counting.get_job_snapshot_id()
    launched = LaunchedRun.parse(code_part(run_of("counting"), job_snapshot=digest), "9d6c")
    launched.check_definition(counting)
    with pytest.raises(PayloadError, match="is defined in this function otherwise"):
        launched.check_definition(other)
    newer = code_part(run_of("counting"), job_snapshot=digest, dagster="1.999.0")
    LaunchedRun.parse(newer, "9d6c").check_definition(other)


@pytest.mark.parametrize("config", [{}, {"ops": {"count": {"config": {"count": "many"}}}}])
def test_config_that_does_not_fit_is_refused(config: dict[str, Any]) -> None:
    run = run_of("counting", run_config=config)
    with pytest.raises(PayloadError, match="job 'counting' can't be run as it was launched"):
        LaunchedRun.parse(code_part(run), "9d6c").plan(counting)
