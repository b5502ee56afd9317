"""Files and variables, as a function in Lambda finds them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from temporal_lambda.local import Function, InvocationRecord, LocalStack
from tests.support.lambdas import FUNCTIONS, Invoke, MakeFunction

HANDLER = "settled.lambda_handler"


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A copy of the functions' code, to put a temporal.toml beside."""
    shutil.copytree(FUNCTIONS, tmp_path / "code", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "code"


def write(path: Path, queue: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f'[lambda_worker]\ntask_queue = "{queue}"\n')
    return str(path)


def queue_of(stack: LocalStack, record: InvocationRecord) -> str:
    assert record.status == "success", record.log
    return str(stack.service.workers[record.function]["task_queue"])


async def test_file_is_explicit_or_beside_the_code_or_in_the_working_directory(
    code: Path, tmp_path: Path, stack: LocalStack, make_function: MakeFunction, invoke: Invoke
) -> None:
    explicit = write(tmp_path / "explicit.toml", "explicit")
    write(code / "temporal.toml", "task-root")
    elsewhere = Path(write(tmp_path / "elsewhere" / "temporal.toml", "cwd")).parent

    def function(**env: str) -> Function:
        made = make_function(HANDLER, env={"WORKING_DIRECTORY": str(elsewhere), **env})
        return replace(made, code=code)

    record = await invoke(function(TEMPORAL_CONFIG_FILE=explicit))
    assert queue_of(stack, record) == "explicit"
    assert queue_of(stack, await invoke(function())) == "task-root"
    (code / "temporal.toml").unlink()
    assert queue_of(stack, await invoke(function())) == "cwd"


async def test_missing_explicit_file_is_warned_of_by_path(
    stack: LocalStack, make_function: MakeFunction, invoke: Invoke
) -> None:
    env = {"TEMPORAL_CONFIG_FILE": "/nowhere/temporal.toml", "TEMPORAL_TASK_QUEUE": "variable"}
    record = await invoke(make_function(HANDLER, env=env))
    assert queue_of(stack, record) == "variable"
    (warning,) = [line for line in record.log if "TEMPORAL_CONFIG_FILE names" in line]
    assert "/nowhere/temporal.toml" in warning


async def test_broken_file_fails_the_cold_start_with_path_line_and_reason(
    code: Path, make_function: MakeFunction, invoke: Invoke
) -> None:
    (code / "temporal.toml").write_text("[lambda_worker]\ntask_queue = \n")
    record = await invoke(replace(make_function(HANDLER), code=code))
    assert record.status == "init_error"
    assert record.error
    assert record.error.startswith(f"SettingsError: {code}/temporal.toml is not valid TOML: ")
    assert "line 2" in record.error


async def test_code_wins_over_the_variable_and_that_over_the_file(
    code: Path, stack: LocalStack, make_function: MakeFunction, invoke: Invoke
) -> None:
    write(code / "temporal.toml", "file")

    def function(**env: str) -> Function:
        return replace(make_function(HANDLER, env=env), code=code)

    assert queue_of(stack, await invoke(function())) == "file"
    variable = {"TEMPORAL_TASK_QUEUE": "variable"}
    assert queue_of(stack, await invoke(function(**variable))) == "variable"
    assert queue_of(stack, await invoke(function(**variable, CODE_QUEUE="code"))) == "code"


async def test_secrets_that_a_file_names_are_not_asked_for_by_the_local_server(
    tmp_path: Path, make_function: MakeFunction, invoke: Invoke
) -> None:
    file = tmp_path / "temporal.toml"
    file.write_text('[lambda_worker]\napi_key_secret = "temporal/production#api_key"\n')
    env = {"TEMPORAL_CONFIG_FILE": str(file), "TEMPORAL_TASK_QUEUE": "file"}
    record = await invoke(make_function(HANDLER, env=env))
    assert record.status == "success", record.error
