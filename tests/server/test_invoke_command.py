"""``temporal-lambda invoke``, as a user runs it: one invocation, and what came of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from temporal_lambda.dagster.launching.payload import RunFacts, build
from temporal_lambda.dagster.launching.tags import Launch
from temporal_lambda.local import LocalStack
from tests.support.configurations import PRODUCTION
from tests.support.documents import ROOT, Block, blocks_for, typed
from tests.support.lambdas import FUNCTIONS

COMMAND = [sys.executable, "-m", "temporal_lambda.cli", "invoke"]
INLINE_FILE = ROOT / "examples" / "dagster" / "inline_handler.py"
INLINE = f"{INLINE_FILE}:lambda_handler"
PLAIN = f"{FUNCTIONS / 'plain.py'}:"

SERVER = "starting Temporal"

EVENT = '{"ops": {"sync_op": {"config": {"input_data": [1.0, 2.5], "processing_mode": "mean"}}}}'
"""What inline_handler.py of the example takes."""


def invoke(*arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **environ},
    )


def test_result_is_all_there_is_on_standard_output() -> None:
    done = invoke(
        *(f"{PLAIN}echo", "--event", '{"a": "ü"}', "--timeout", "7s", "--env", "SHOP=mine"),
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["event"] == {"a": "ü"}
    assert 5_000 < result["remaining_ms"] <= 7_000
    assert result["arn"].startswith("arn:aws:lambda:us-east-1:123456789012:function:plain-echo-")
    assert result["environment"]["SHOP"] == "mine"
    assert result["environment"]["AWS_ACCESS_KEY_ID"] == "local"
    request_id = result["request_id"]
    for line in ("to stdout", "to stderr", f"REPORT RequestId: {request_id}\tDuration: "):
        assert line.replace("\t", "  ") in done.stderr.replace("\t", "  "), done.stderr
    assert "invocation # 1  start cold  duration " in done.stderr
    assert SERVER not in done.stderr
    assert "TEMPORAL_ADDRESS" not in result["environment"]


def test_error_of_the_function_is_the_exit_status() -> None:
    done = invoke(f"{PLAIN}fail")
    assert done.returncode == 1
    assert json.loads(done.stdout)["errorMessage"] == "handler broke"
    assert "about to fail" in done.stderr
    assert "status ValueError: handler broke" in done.stderr


@pytest.mark.parametrize(
    ("handler", "error"),
    [("hang", "Task timed out after 1.00 seconds"), ("leave", "Runtime exited with error")],
)
def test_function_that_does_not_answer_has_failed(handler: str, error: str) -> None:
    done = invoke(f"{PLAIN}{handler}", "--timeout", "1s")
    assert done.returncode == 1
    assert error in json.loads(done.stdout)["errorMessage"]


def test_event_comes_from_a_file_or_from_standard_input(tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text('{"from": "the file"}')
    done = invoke(f"{PLAIN}echo", "--event-file", str(tmp_path / "event.json"))
    assert json.loads(done.stdout)["event"] == {"from": "the file"}
    done = invoke(f"{PLAIN}echo", "--event-file", "-", stdin='["from", "stdin"]')
    assert json.loads(done.stdout)["event"] == ["from", "stdin"]


@pytest.mark.parametrize("event", ["", " \n"])
def test_empty_event_is_what_aws_makes_of_one(event: str) -> None:
    done = invoke(f"{PLAIN}echo", "--event-file", "-", stdin=event)
    assert json.loads(done.stdout)["event"] == {}


def test_output_is_the_bytes_that_the_function_answered() -> None:
    """In any shell: not all of them can say ü, and not all that is returned is text."""
    command = [*COMMAND, f"{PLAIN}picture", "--log-level", "ERROR"]
    environ = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"}
    done = subprocess.run(command, capture_output=True, timeout=60, env=environ, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ü".encode() + b"\xff\xd8\n"


def payload(mode: Any, path: str | None, config: dict[str, Any], **facts: Any) -> str:
    """What the launcher sends of a run with a config."""
    launch = Launch("f", None, "RequestResponse", payload_mode=mode, payload_config_path=path)
    ops = {"ops": {name: {"config": values} for name, values in config.items()}}
    now = datetime.now(timezone.utc)
    return build(launch, RunFacts("run-1", "etl_lambda_job", ops, **facts), now).decode()


ETL = {"extract": {"source": "orders", "rows": 2}, "transform": {"factor": 2}, "load": {}}
ORDER = {"extract": [], "transform": ["extract"], "load": ["transform"]}
MEAN = {"sync_op": {"input_data": [1.0, 2.5], "processing_mode": "mean"}}


@pytest.mark.parametrize(
    ("event", "results"),
    [
        (
            payload("full", None, ETL, job_graph=ORDER),
            {"extract": [1, 2], "transform": [2, 4], "load": {"rows": 2, "total": 6}},
        ),
        (payload("config_only", None, MEAN), {"sync_op": 1.75}),
        (payload("ops_only", None, MEAN), {"sync_op": 1.75}),
    ],
    ids=["full", "config_only", "ops_only"],
)
def test_inline_run_of_dagsters_needs_no_server(event: str, results: dict[str, Any]) -> None:
    done = invoke(INLINE, "--event", event, "--log-level", "INFO")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["result"]["results"] == results
    assert "stopped by result" in done.stderr
    assert SERVER not in done.stderr


@pytest.mark.parametrize(
    "block",
    [
        *blocks_for(__file__, "docs/local.md"),
        *blocks_for(__file__, "docs/dagster.md"),
    ],
    ids=lambda block: block.place,
)
def test_commands_of_the_documents_run_as_they_stand_there(block: Block, tmp_path: Path) -> None:
    example = ROOT / "examples" / "dagster"
    for folder in (tmp_path, tmp_path / "examples" / "dagster"):
        shutil.copytree(example, folder, dirs_exist_ok=True)
    shutil.copy(example / "inline_handler.py", tmp_path / "handler.py")
    (tmp_path / "event.json").write_text(EVENT)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = typed(block.text, tmp_path, {**os.environ, "PATH": path}, 100)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["statusCode"] == 200


def test_refused_run_is_an_answer_and_no_error() -> None:
    """As for whoever invokes it on AWS, who gets no FunctionError."""
    done = invoke(INLINE, "--event", payload("full", None, {"nobody": {}}))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["statusCode"] == 400


def test_worker_gets_a_server_and_tells_what_it_did() -> None:
    done = invoke(f"{FUNCTIONS / 'patient.py'}:lambda_handler", "--timeout", "20s")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "null\n"
    assert SERVER in done.stderr
    assert "report      1  configure " in done.stderr
    assert "stopped by idle" in done.stderr


@pytest.mark.parametrize("handler", ["patient.py", "inline_handler.py"])
def test_settings_for_production_do_not_get_in_the_way(handler: str, tmp_path: Path) -> None:
    """With a server as without: as ``dev``, which takes no certificates and secrets from them."""
    source = FUNCTIONS / handler if handler == "patient.py" else INLINE_FILE
    shutil.copytree(source.parent, tmp_path, dirs_exist_ok=True)
    (tmp_path / "temporal.toml").write_text(PRODUCTION)
    done = invoke(f"{tmp_path / handler}:lambda_handler", "--event", EVENT, "--timeout", "20s")
    assert done.returncode == 0, done.stderr
    assert (SERVER in done.stderr) == (handler == "patient.py")
    assert "stopped by idle" in done.stderr or json.loads(done.stdout)["statusCode"] == 200


def test_server_that_is_named_is_used(stack: LocalStack) -> None:
    done = invoke(f"{PLAIN}echo", "--temporal-address", stack.temporal_address)
    assert SERVER not in done.stderr
    assert json.loads(done.stdout)["environment"]["TEMPORAL_ADDRESS"] == stack.temporal_address


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([f"{PLAIN}echo", "--event", "{"], "--event is not JSON"),
        ([f"{PLAIN}echo", "--event", '{"a": NaN}'], "--event is not JSON: NaN is not JSON"),
        ([f"{PLAIN}echo", "--event", "-Infinity"], "--event is not JSON: -Infinity is not JSON"),
        ([f"{PLAIN}echo", "--event", "[" * 50_000], "--event is not JSON"),
        ([f"{PLAIN}echo", "--event", "1", "--event-file", "-"], "exclude each other"),
        ([f"{PLAIN}echo", "--event-file", "nowhere.json"], "nowhere.json"),
        ([f"{PLAIN}echo", "--timeout", "16m"], "timeout must be above 0 and at most 15 min"),
        ([f"{PLAIN}nobody"], "module 'plain' has no 'nobody'"),
        ([f"{PLAIN}echo", "--env", "INIT_FAILS=1"], "RuntimeError: init broke"),
        ([f"{PLAIN}echo", "--temporal-address", "127.0.0.1:1"], "can't be reached"),
    ],
)
def test_what_cant_be_invoked_is_one_clear_error(arguments: list[str], message: str) -> None:
    done = invoke(*arguments)
    assert done.returncode != 0
    assert done.stdout == ""
    assert message in done.stderr, done.stderr
    assert "temporal_lambda/local" not in done.stderr


def test_event_that_aws_would_not_take_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.json"
    large.write_text(json.dumps("x" * 6 * 1024 * 1024))
    done = invoke(f"{PLAIN}echo", "--event-file", str(large))
    assert done.returncode == 1
    assert "--event-file has 6291458 bytes; AWS takes 6291456 at most" in done.stderr
