"""Findings of ``check`` about code: a handler, its times, its zip, and its build on the server."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.common import WorkerDeploymentVersion

import temporal_lambda.deploy.checking
from temporal_lambda.deploy.checking.function_checks import check_function
from temporal_lambda.deploy.checking.handler_checks import check_handler, check_times
from temporal_lambda.deploy.checking.zip_checks import check_build, check_zip
from temporal_lambda.deploy.packaging.report import Report
from tests.unit.deploy.test_checks import BUILD, DELIVERY, FUNCTION, ids, with_variables

WORKER: dict[str, Any] = {
    "task_queue": "greetings",
    "default_behavior": None,
    "workflows": {"Greeting": "pinned"},
    "sync_activities": [],
    "has_executor": False,
}

CONFIGURATION: dict[str, Any] = {
    "workers": [WORKER],
    "polls": True,
    "graceful_timeout": 5.0,
    "shutdown_deadline_buffer": 7.0,
    "idle_timeout": "auto",
    "activity_needs": {"transcode": 40.0},
    "activity_timeouts": [("workflows.py:9", 893.0)],
}

DESCRIBED = {"deployment_name": "greeting", "build_id": "1.0", "configuration": CONFIGURATION}

REPORT = Report(
    zip="function.zip",
    handler="handler.lambda_handler",
    python="3.13",
    arch="arm64",
    code_sha256="code",
    content_sha256="content",
    zipped_bytes=1,
    unpacked_bytes=1,
    files=1,
    bytecode={"compiled": 5, "interpreter": "3.13.1", "why_not": None},
    deployment_name="greeting",
    build_id="1.0",
    version_unknown_because=None,
    requirements="uv.lock",
    packages={},
    own=(),
    largest=(),
    dropped={},
)

OUT = replace(BUILD, code_sha256="code", content_sha256="content")


def worker(**change: Any) -> dict[str, Any]:
    return {"configuration": {**CONFIGURATION, "workers": [{**WORKER, **change}]}}


def configured(**change: Any) -> dict[str, Any]:
    return {"configuration": {**CONFIGURATION, **change}}


@pytest.mark.parametrize(
    "change",
    [
        {},
        worker(workflows={"Greeting": None}, default_behavior="auto_upgrade"),
        worker(workflows={"Greeting": "dynamic"}),
        worker(sync_activities=["resize"], has_executor=True),
        configured(idle_timeout=1.3),
        configured(polls=False, idle_timeout=None),
    ],
)
def test_handler_as_it_should_be_has_no_finding(change: dict[str, Any]) -> None:
    assert ids(check_handler("function.zip", {**DESCRIBED, **change})) == []


@pytest.mark.parametrize(
    ("described", "finding", "says"),
    [
        (
            {"error": "importing 'handler' failed:\nTraceback\nKeyError: 'TABLE'"},
            "handler",
            "TABLE",
        ),
        ({"deployment_name": None, "build_id": None}, "handler-version", "does not say"),
        (
            {**DESCRIBED, "configuration": None, "configuration_error": "KeyError: 'TABLE'"},
            "configure",
            "TABLE",
        ),
        (
            {**DESCRIBED, **worker(workflows={"Greeting": None, "Farewell": "pinned"})},
            "versioning-behavior",
            "workflows of greetings declare no versioning behavior: Greeting",
        ),
        (
            {**DESCRIBED, **worker(sync_activities=["resize"])},
            "activity-executor",
            "activities of greetings are not async: resize",
        ),
        ({**DESCRIBED, **configured(idle_timeout=None)}, "idle-timeout", "no idle_timeout"),
        ({**DESCRIBED, **configured(idle_timeout=2.0)}, "round-idle-timeout", "of 2 s"),
    ],
)
def test_handler_that_will_fail_or_cost_is_found(
    described: dict[str, Any], finding: str, says: str
) -> None:
    (found,) = check_handler("function.zip", described)
    assert found.id == finding
    assert says in found.what


def test_activity_that_no_invocation_has_time_for_is_found() -> None:
    assert ids(check_times(CONFIGURATION)) == []
    found = list(check_times(CONFIGURATION, 46, "greeting:5"))
    assert ids(found) == ["activity-timeout", "activity-needs"]
    assert "workflows.py:9 lets an activity take 893 s, and an invocation of" in found[0].what
    assert "activity transcode needs 40 s" in found[1].what
    assert ids(check_times(CONFIGURATION, 47)) == ["activity-timeout"]
    assert ids(check_times(CONFIGURATION, 899)) == ["activity-timeout"]


def test_zip_as_it_should_be_has_no_finding() -> None:
    assert ids(check_zip(REPORT, True, ())) == []


@pytest.mark.parametrize(
    ("bytecode", "as_reported", "secrets", "finding"),
    [
        ({"compiled": 0, "why_not": "there is no Python 3.13"}, True, (), "no-bytecode"),
        (REPORT.bytecode, False, (), "zip-changed"),
        (REPORT.bytecode, True, ("app.py, line 3 (an API key)",), "secret-in-zip"),
    ],
)
def test_zip_that_is_slow_open_or_another_is_found(
    bytecode: dict[str, Any], as_reported: bool, secrets: tuple[str, ...], finding: str
) -> None:
    assert ids(check_zip(replace(REPORT, bytecode=bytecode), as_reported, secrets)) == [finding]


def test_build_that_is_out_with_this_code_has_no_finding() -> None:
    assert ids(check_build(REPORT, [OUT])) == []
    by_hand = replace(OUT, code_sha256=None, content_sha256=None)
    assert ids(check_build(REPORT, [by_hand])) == []


@pytest.mark.parametrize(
    ("found", "findings"),
    [
        ([], ["build-not-out"]),
        ([replace(OUT, content_sha256="another")], ["other-code"]),
        ([replace(OUT, build_id="0.9")], ["build-not-out", "build-id"]),
    ],
)
def test_build_that_the_server_knows_otherwise_is_found(
    found: list[Any], findings: list[str]
) -> None:
    assert ids(check_build(REPORT, found)) == findings


@pytest.mark.parametrize(
    ("variables", "findings"),
    [
        ({}, []),
        ({"TEMPORAL_LAMBDA_BUILD_ID": "1.0"}, []),
        ({"TEMPORAL_LAMBDA_BUILD_ID": "2.0"}, ["other-version"]),
        ({"TEMPORAL_LAMBDA_DEPLOYMENT_NAME": "other"}, ["other-version"]),
    ],
)
def test_function_that_polls_as_another_build_is_found(
    variables: dict[str, str], findings: list[str]
) -> None:
    function = {**FUNCTION, **with_variables(**variables)}
    version = WorkerDeploymentVersion("greeting", "1.0")
    assert ids(check_function(function, DELIVERY, version)) == findings


def test_every_finding_has_its_case_and_its_line_in_the_documents() -> None:
    made = set(ids_in_the_code())
    here = Path(__file__)
    tests = "".join(path.read_text() for path in (here, here.with_name("test_checks.py")))
    documents = (here.parents[3] / "docs" / "deploy.md").read_text()
    # What can't be read is a matter of an account: tests/server/test_deploy.py.
    assert {name for name in made - {"not-checked"} if f'"{name}"' not in tests} == set()
    listed = re.findall(r"^\| (`[^|]+`) \|", documents.partition("## Check")[2], re.M)
    assert set(re.findall(r"`([\w-]+)`", " ".join(listed))) >= made


def ids_in_the_code() -> Iterator[str]:
    for path in Path(temporal_lambda.deploy.checking.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "Finding":
                yield str(ast.literal_eval(node.args[0]))
