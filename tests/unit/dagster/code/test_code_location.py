"""Definitions are found, and what can't work is refused when the handler starts."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import dagster as dg
import pytest
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.dagster import run_dagster_code
from temporal_lambda.dagster.code import history_io
from temporal_lambda.dagster.code.code_location import CodeLocation, code_location
from temporal_lambda.dagster.code.kept_outputs import check_outputs
from temporal_lambda.errors import SettingsError

VERSION = WorkerDeploymentVersion(deployment_name="code", build_id="1")


@dg.op
def one() -> int:
    return 1


@dg.op
def two(number):  # type: ignore[no-untyped-def] # Dagster reads annotations, which are texts here.
    return number


@dg.op(out=dg.Out(dg.Nothing))
def nothing() -> None: ...


@dg.op(ins={"start": dg.In(dg.Nothing)})
def later() -> int:
    return 3


@dg.graph
def pair() -> Any:
    return two(one())


@dg.job
def alone() -> None:
    one()


@dg.job
def chained() -> None:
    two(one())


@dg.job
def ordered() -> None:
    later(nothing())


@dg.job
def nested() -> None:
    two(pair())


JOBS = [alone, chained, ordered, nested]


def module(monkeypatch: pytest.MonkeyPatch, **members: Any) -> str:
    made = ModuleType("made_for_a_test")
    vars(made).update(members)
    monkeypatch.setitem(sys.modules, made.__name__, made)
    code_location.cache_clear()
    return made.__name__


def jobs_with(io_manager: Any) -> dict[str, dg.JobDefinition]:
    resources = {"io_manager": io_manager} if io_manager else {}
    repository = dg.Definitions(jobs=JOBS, resources=resources).get_repository_def()
    return {job.name: job for job in repository.get_all_jobs()}


def test_definitions_of_a_module_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    defs = dg.Definitions(jobs=[alone])
    name = module(monkeypatch, defs=defs, again=defs, imported=chained)
    assert set(CodeLocation.load(name).jobs) == {"alone"}


def test_one_of_several_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    members = {"a": dg.Definitions(jobs=[alone]), "b": dg.Definitions(jobs=[chained])}
    name = module(monkeypatch, **members)
    assert set(CodeLocation.load(f"{name}:b").jobs) == {"chained"}
    with pytest.raises(SettingsError, match="it has several: a, b; name the one that is meant"):
        CodeLocation.load(name)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("no_such_module_here", "names a module that is not in the function's package"),
        ("made_for_a_test", "must be a module with one Definitions object"),
        ("made_for_a_test:defs", "made_for_a_test has no 'defs'"),
    ],
)
def test_what_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch, target: str, told: str) -> None:
    module(monkeypatch)
    with pytest.raises(SettingsError, match=told):
        CodeLocation.load(target)


@pytest.mark.parametrize(
    ("io_manager", "why"),
    [
        (None, "Dagster's default IO manager keeps it on the local disk"),
        (dg.mem_io_manager, "mem_io_manager keeps it in the memory"),
        (dg.fs_io_manager, "base_dir names no shared directory"),
        (dg.FilesystemIOManager(), "base_dir names no shared directory"),
    ],
)
def test_outputs_that_would_be_lost_are_refused(io_manager: Any, why: str) -> None:
    with pytest.raises(SettingsError, match=why) as error:
        check_outputs(jobs_with(io_manager), outputs_in_history=False)
    for output in ("one.result of job 'chained'", "pair.result of job 'nested'"):
        assert output in str(error.value)
    for job in ("'alone'", "'ordered'"):
        assert job not in str(error.value)


@pytest.mark.parametrize(
    "io_manager",
    [
        dg.FilesystemIOManager(base_dir="/mnt/shared"),
        dg.fs_io_manager.configured({"base_dir": "/mnt/shared"}),
        dg.IOManagerDefinition.hardcoded_io_manager(history_io.HistoryIOManager(None)),
    ],
)
def test_outputs_that_are_kept_elsewhere_are_not(io_manager: Any) -> None:
    check_outputs(jobs_with(io_manager), outputs_in_history=False)


def test_history_takes_the_place_of_the_default_io_manager_alone() -> None:
    check_outputs(jobs_with(None), outputs_in_history=True)
    with pytest.raises(SettingsError, match="mem_io_manager"):
        check_outputs(jobs_with(dg.mem_io_manager), outputs_in_history=True)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"on_error": "ignore"}, "on_error must be one of 'respond'"),
        ({"jobs": ["alone", "al0ne"]}, "jobs has 'al0ne', and made_for_a_test has only alone"),
        ({"outputs_in_history": True, "durable": False}, "is for durable runs"),
    ],
)
def test_wrong_options_are_told(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], told: str
) -> None:
    name = module(monkeypatch, defs=dg.Definitions(jobs=[alone]))
    with pytest.raises(SettingsError, match=told):
        run_dagster_code(VERSION, lambda config: None, name, **options)
