"""An event -> what it asks for. Nothing in an event is trusted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast, get_args

from temporal_lambda.dagster.protocol import PayloadMode, Request
from temporal_lambda.dagster.serving.run_context import RunContext
from temporal_lambda.errors import PayloadError

RUN_CONFIG_KEYS = {"ops", "resources", "execution", "loggers", "inputs"}
"""What the root of a Dagster run config can hold."""

OP_KEYS = {"config", "inputs", "outputs", "ops"}
"""What Dagster's config of one op, or of a graph in its place, can hold."""

RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
"""A run id becomes part of a workflow id; Dagster's are UUIDs."""

MAX_OPS = 1000
"""An op is a task of its own in the workflow; more than this is no lightweight job."""

MAX_NESTING = 100
"""Graphs within graphs, deeper than anybody builds them."""


@dataclass(frozen=True)
class OpRequest:
    """What an event says of one op.

    Attributes:
        config: The op's config, any JSON; ``{}`` if there is none.
        inputs: Values for inputs, by name.
    """

    config: Any = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RunRequest:
    """What an event asks for.

    Attributes:
        kind: A run, or a question about one.
        mode: How the run came.
        run_id: Dagster's run id; ``None`` where the mode doesn't carry it.
        job_name: The job; ``None`` where the mode does not carry it.
        ops: By name; an op inside a graph is called ``graph.op``. In ``custom`` mode it is the
            payload itself, under the name ``""``.
        job_graph: Op -> the ops it waits for, all ops of the job; ``None`` if not told.
        context: What the payload says of the run; ops can ask for it.
        environment_variables: Of Dagster's process, those that the launcher sends along.
        step_selection: The ops to run, where those are not all.
        outputs: Op -> its output in the parent run, for ops that are not to run again.
    """

    kind: Request
    mode: PayloadMode
    run_id: str | None = None
    job_name: str | None = None
    ops: dict[str, OpRequest] = field(default_factory=dict)
    job_graph: dict[str, list[str]] | None = None
    context: RunContext = field(default_factory=RunContext)
    environment_variables: dict[str, str] = field(default_factory=dict, repr=False)
    step_selection: list[str] | None = None
    outputs: dict[str, Any] = field(default_factory=dict, repr=False)


def recognize_mode(event: Any) -> PayloadMode:
    """Tell the mode of a payload by its shape.

    Look-alikes exist: a Lambda's own payload may have a key ``ops``. Where that can be, pin the
    mode.

    Raises:
        PayloadError: It is empty, or almost a ``full`` payload.

    Example:
        >>> recognize_mode({"ops": {"copy": {"config": {"to": "there"}}}})
        'config_only'
        >>> recognize_mode({"copy": {"config": {"to": "there"}}})
        'ops_only'
        >>> recognize_mode({"to": "there"})
        'custom'
    """
    if event is None or event in ({}, [], ""):
        raise PayloadError("the event is empty: it asks for no run")
    if not isinstance(event, dict):
        return "custom"
    if isinstance(event.get("dagster_run"), dict):
        return "full"
    if isinstance(event.get("ops"), dict) and set(event) <= RUN_CONFIG_KEYS:
        return "config_only"
    if all(isinstance(entry, dict) and entry and set(entry) <= OP_KEYS for entry in event.values()):
        return "ops_only"
    return "custom"


def parse_event(event: Any, pinned: PayloadMode | None = None) -> RunRequest:
    """Read an event.

    Args:
        event: What Lambda delivered.
        pinned: The mode all events of this function have; by default it is recognized.

    Raises:
        PayloadError: It can't be read in that mode; says which part, and why.

    Example:
        >>> request = parse_event({"ops": {"copy": {"config": {"to": "there"}}}})
        >>> request.ops["copy"].config
        {'to': 'there'}
    """
    mode = pinned or recognize_mode(event)
    if mode == "custom":
        return RunRequest("run", mode, ops={"": OpRequest(event)})
    if not isinstance(event, dict):
        raise PayloadError(f"a payload of mode {mode} is an object; got a {type(event).__name__}")
    if mode == "full":
        return _parse_full(event)
    ops = event if mode == "ops_only" else _object(event, "ops", "run config")
    return RunRequest("run", mode, ops=_parse_ops(ops))


def _parse_full(event: dict[str, Any]) -> RunRequest:
    run = _object(event, "dagster_run", "payload")
    kind = event.get("request", "run")
    if kind not in get_args(Request):
        raise PayloadError(f"request must be one of {', '.join(get_args(Request))}; got {kind!r}")
    run_id = run.get("run_id")
    if not isinstance(run_id, str) or not RUN_ID.fullmatch(run_id):
        raise PayloadError(
            "dagster_run.run_id must be text of letters, digits, '.', '_' and '-', at most 128"
        )
    job_name = _text(run, "dagster_run.job_name")
    if kind != "run":
        return RunRequest(cast(Request, kind), "full", run_id, job_name)
    config = _object(event, "run_config", "payload")
    return RunRequest(
        "run",
        "full",
        run_id,
        job_name,
        _parse_ops(config.get("ops", {})),
        _parse_graph(event.get("job_graph")),
        _parse_context(event, run, config),
        _texts(event, "environment_variables"),
        _list_of_texts(run, "dagster_run.step_selection"),
        _mapping(event, "outputs"),
    )


def _parse_context(
    event: dict[str, Any], run: dict[str, Any], config: dict[str, Any]
) -> RunContext:
    cloud, metadata = _mapping(event, "dagster_cloud"), _mapping(event, "metadata")
    resources = _mapping(config, "run_config.resources")
    return RunContext(
        run_id=run["run_id"],
        job_name=_text(run, "dagster_run.job_name"),
        deployment_name=_text(run, "dagster_run.deployment_name"),
        location_name=_text(run, "dagster_run.location_name"),
        tags=_texts(run, "dagster_run.tags"),
        partition_key=_text(run, "dagster_run.partition_key"),
        partition_key_range=_texts(run, "dagster_run.partition_key_range") or None,
        op_selection=_list_of_texts(run, "dagster_run.op_selection"),
        asset_selection=_list_of_texts(run, "dagster_run.asset_selection"),
        asset_check_selection=_list_of_texts(run, "dagster_run.asset_check_selection"),
        parent_run_id=_text(run, "dagster_run.parent_run_id"),
        root_run_id=_text(run, "dagster_run.root_run_id"),
        org_id=_text(cloud, "dagster_cloud.org_id"),
        deployment_id=_text(cloud, "dagster_cloud.deployment_id"),
        launched_at=_text(metadata, "metadata.launched_at"),
        launcher_version=_text(metadata, "metadata.launcher_version"),
        invocation_type=_text(metadata, "metadata.invocation_type"),
        resource_configs={
            name: entry["config"]
            for name, entry in resources.items()
            if isinstance(entry, dict) and "config" in entry
        },
    )


def _parse_ops(ops: Any, prefix: str = "", depth: int = 0) -> dict[str, OpRequest]:
    if not isinstance(ops, dict):
        raise PayloadError(f"ops must be an object of op -> config; got a {type(ops).__name__}")
    if depth > MAX_NESTING:
        raise PayloadError(f"graphs are nested more than {MAX_NESTING} deep")
    found: dict[str, OpRequest] = {}
    for name, entry in ops.items():
        entry = {} if entry is None else entry
        if not isinstance(entry, dict) or not set(entry) <= OP_KEYS:
            raise PayloadError(
                f"op {prefix + name!r} must be an object with no other keys than "
                f"{', '.join(sorted(OP_KEYS))}"
            )
        if "ops" in entry:
            found |= _parse_ops(entry["ops"], f"{prefix}{name}.", depth + 1)
        else:
            found[prefix + name] = OpRequest(entry.get("config", {}), _parse_inputs(entry))
    if len(found) > MAX_OPS:
        raise PayloadError(f"a run may have {MAX_OPS} ops at most; got {len(found)}")
    return found


def _parse_inputs(entry: Mapping[str, Any]) -> dict[str, Any]:
    inputs = entry.get("inputs") or {}
    if not isinstance(inputs, dict):
        raise PayloadError("inputs of an op must be an object of input -> value")
    # Dagster takes a value as it is, or wrapped.
    return {
        name: value["value"] if isinstance(value, dict) and set(value) == {"value"} else value
        for name, value in inputs.items()
    }


def _parse_graph(graph: Any) -> dict[str, list[str]] | None:
    if graph is None:
        return None
    if not isinstance(graph, dict) or not all(
        isinstance(needed, list) and all(isinstance(name, str) for name in needed)
        for needed in graph.values()
    ):
        raise PayloadError("job_graph must be an object of op -> list of the ops it waits for")
    if len(graph) > MAX_OPS:
        raise PayloadError(f"a run may have {MAX_OPS} ops at most; got {len(graph)}")
    return graph


def _object(parent: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    value = parent.get(key)
    if not isinstance(value, dict):
        raise PayloadError(
            f"the {where} must have {key}, an object; "
            + ("it is missing" if value is None else f"got a {type(value).__name__}")
        )
    return value


def _at(parent: Mapping[str, Any], path: str) -> Any:
    return parent.get(path.rpartition(".")[2])


def _text(parent: Mapping[str, Any], path: str) -> str | None:
    value = _at(parent, path)
    if value is not None and not isinstance(value, str):
        raise PayloadError(f"{path} must be text; got a {type(value).__name__}")
    return value


def _mapping(parent: Mapping[str, Any], path: str) -> dict[str, Any]:
    value = _at(parent, path)
    if value is not None and not isinstance(value, dict):
        raise PayloadError(f"{path} must be an object; got a {type(value).__name__}")
    return value or {}


def _texts(parent: Mapping[str, Any], path: str) -> dict[str, str]:
    found = _mapping(parent, path)
    if not all(isinstance(value, str) for value in found.values()):
        raise PayloadError(f"{path} must be an object of texts")
    return found


def _list_of_texts(parent: Mapping[str, Any], path: str) -> list[str] | None:
    value = _at(parent, path)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise PayloadError(f"{path} must be a list of texts")
    return value
