"""The private names of Dagster: all in one file, and still what they were."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import temporal_lambda.dagster
from temporal_lambda.dagster import dagster_internals

PACKAGE = Path(temporal_lambda.dagster.__file__).parent

PARAMETERS = {
    "create_execution_plan": "job run_config step_keys_to_execute known_state tags",
    "execute_plan_iterator": "execution_plan job dagster_run instance retry_mode run_config",
    "initialize_repository_def_from_pointer": "pointer",
    "deserialize_value": "val as_type",
    "serialize_value": "val",
}

MEMBERS = {
    "ActiveExecution": (
        "get_steps_to_execute get_steps_to_skip get_steps_to_abandon get_step_by_key "
        "get_known_state handle_event mark_success mark_failed mark_skipped mark_abandoned "
        "retry_state __enter__ __exit__"
    ),
    "ExecutionPlan": "build start",
    "ExecutionStep": "key tags step_inputs",
    "KnownExecutionState": "ready_outputs previous_retry_attempts _replace",
    "ResolvedRunConfig": "build execution",
    "RetryMode": "ENABLED DISABLED for_inner_plan",
    "CodePointer": "from_module",
    "StepOutputHandle": "step_key output_name mapping_key",
}


def test_private_names_are_imported_in_one_file_only() -> None:
    private = re.compile(r"^\s*(from|import) dagster(_shared)?\.(_|error)", re.MULTILINE)
    files = {path.name for path in PACKAGE.rglob("*.py") if private.search(path.read_text())}
    assert files == {"dagster_internals.py"}


def test_every_group_of_private_names_says_why() -> None:
    source = inspect.getsource(dagster_internals)
    imports, _, _ = source.partition("__all__")
    assert imports.count("\n# ") >= 5


def test_functions_take_what_they_are_given() -> None:
    for name, parameters in PARAMETERS.items():
        taken = inspect.signature(getattr(dagster_internals, name)).parameters
        assert set(parameters.split()) <= set(taken), name


def test_classes_have_what_is_used_of_them() -> None:
    for name, members in MEMBERS.items():
        found = getattr(dagster_internals, name)
        fields = getattr(found, "__annotations__", {})
        missing = [one for one in members.split() if not hasattr(found, one) and one not in fields]
        assert missing == [], name
