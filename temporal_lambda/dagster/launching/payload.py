"""What a function receives of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from temporal_lambda import __version__
from temporal_lambda.dagster.launching.tags import PAYLOAD_CONFIG_PATH, PAYLOAD_MODE, Launch
from temporal_lambda.dagster.protocol import Request
from temporal_lambda.errors import SettingsError


@dataclass(frozen=True)
class RunFacts:
    """What is known of a run, as far as payloads are concerned.

    Attributes:
        run_id: The run's id.
        job_name: Its job.
        run_config: Its config, unresolved: ``{"env": "NAME"}`` stays what it is.
        deployment_name: Of Dagster+, or the launcher's ``default_deployment_name``.
        location_name: The job's code location.
        org_id: Of Dagster+: the organization.
        deployment_id: Of Dagster+: the deployment.
        environment_variables: Those on the allow-list that are set.
        job_graph: Op to upstream ops, of the ops that are to run; ``None`` if it is not wanted.
        tags: The run's tags, without those of Dagster's and the launcher's own bookkeeping.
        partition_key: The run's partition.
        partition_key_range: The first and the last of several partitions.
        op_selection: The ops that were selected; ``None`` for all.
        asset_selection: The assets that were selected, as ``a/b``; ``None`` for all.
        asset_check_selection: The asset checks that were selected, as ``a/b:check``; ``None`` if
            nothing was said of them.
        narrowed: Whether only a part of the job is to run.
        step_selection: The steps to run; ``None`` for all.
        outputs: Step -> output in an earlier run, of steps that the selected ones come after.
        missing_outputs: Step -> why its output is not known, of such steps.
        parent_run_id: The run that this one executes again.
        root_run_id: The first run of that line.
        result_record: Where the function is to leave its answer, if that is wanted.
        code: The run as functions need it that execute its own steps; ``None`` for others.
    """

    run_id: str
    job_name: str
    run_config: Mapping[str, Any]
    deployment_name: str | None = None
    location_name: str | None = None
    org_id: str | None = None
    deployment_id: str | None = None
    environment_variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    job_graph: Mapping[str, Sequence[str]] | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    partition_key: str | None = None
    partition_key_range: tuple[str, str] | None = None
    op_selection: Sequence[str] | None = None
    asset_selection: Sequence[str] | None = None
    asset_check_selection: Sequence[str] | None = None
    narrowed: bool = False
    step_selection: Sequence[str] | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    missing_outputs: Mapping[str, str] = field(default_factory=dict)
    parent_run_id: str | None = None
    root_run_id: str | None = None
    result_record: str | None = None
    code: Mapping[str, Any] | None = field(default=None, repr=False)


def build(launch: Launch, facts: RunFacts, now: datetime) -> bytes:
    """The payload of a run, as JSON.

    Args:
        launch: Says the mode, and for ``custom`` the path.
        facts: The run.
        now: When it is launched (UTC).

    Raises:
        SettingsError: There is nothing at the path or to be sent; the config is no JSON; only a
            part of the job was selected, which this mode can't say; or that part needs outputs of
            an earlier run that are not known.

    Example:
        >>> config = {"ops": {"a": {"config": {"x": 1}}}, "resources": {}}
        >>> facts = RunFacts("9d6c", "etl", config)
        >>> launch = Launch("f", payload_mode="ops_only")
        >>> build(launch, facts, datetime(2026, 1, 9))
        b'{"a": {"config": {"x": 1}}}'
    """
    if facts.narrowed and launch.payload_mode != "full":
        raise SettingsError(
            f"only a part of job {facts.job_name} was selected, and a payload of {PAYLOAD_MODE} "
            f"{launch.payload_mode!r} can't say which: {launch.function} would run all of it. "
            f"Launch the whole job, or set {PAYLOAD_MODE} to 'full'"
        )
    if facts.missing_outputs and not launch.durable:
        what = "; ".join(f"{step}: {why}" for step, why in facts.missing_outputs.items())
        raise SettingsError(
            f"the selected steps of job {facts.job_name} need outputs of an earlier run that are "
            f"not known ({what}). Launch the whole job, or make its runs durable: then the "
            "function reads them from the earlier run's workflow"
        )
    payload: Any
    if launch.payload_mode == "full":
        payload = _full(launch, facts, now)
    elif launch.payload_mode == "config_only":
        payload = facts.run_config
    elif launch.payload_mode == "ops_only":
        payload = facts.run_config.get("ops", {})
    else:
        payload = _at(launch.payload_config_path or "", facts.run_config)
    if payload is None or payload == {}:
        raise SettingsError(
            f"the payload for {launch.function} would be empty: tag {PAYLOAD_MODE} is "
            f"{launch.payload_mode!r}, and the run of job {facts.job_name} has no config there. A "
            "durable function takes an empty event for the worker controller's and begins no run: "
            f"give the run a config, or set {PAYLOAD_MODE} to 'full'"
        )
    try:
        return json.dumps(payload, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise SettingsError(
            f"the run config of job {facts.job_name} can't be sent as JSON: {error}"
        ) from None


def build_request(run_id: str, request: Request, events_after: int | None = None) -> bytes:
    """The payload that asks for something else than to run: ``cancel`` or ``status``.

    Example:
        >>> build_request("9d6c", "cancel")
        b'{"dagster_run": {"run_id": "9d6c"}, "request": "cancel"}'
    """
    more = {} if events_after is None else {"events_after": events_after}
    return json.dumps({"dagster_run": {"run_id": run_id}, "request": request, **more}).encode()


def with_events_after(payload: bytes, events_after: int) -> bytes:
    """The payload of a run of which events are known already.

    Example:
        >>> with_events_after(b'{"code": {}}', 3)
        b'{"code": {}, "events_after": 3}'
    """
    return json.dumps({**json.loads(payload), "events_after": events_after}).encode()


def check_size(payload: bytes, limit: int, launch: Launch) -> None:
    """Refuse what Lambda would refuse.

    Args:
        payload: What would be sent.
        limit: Bytes.
        launch: Of the run, for the message.

    Raises:
        SettingsError: It is larger.
    """
    if len(payload) > limit:
        kind = "sync" if launch.invocation_type == "RequestResponse" else "async"
        raise SettingsError(
            f"the payload for {launch.function} has {len(payload)} bytes, and "
            f"{launch.invocation_type} takes {limit} (max_{kind}_payload_bytes in the launcher's "
            "config): keep the data elsewhere, such as in S3, and put its address into the config"
        )


def _full(launch: Launch, facts: RunFacts, now: datetime) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "dagster_run": {
            "run_id": facts.run_id,
            "job_name": facts.job_name,
            "deployment_name": facts.deployment_name,
            "location_name": facts.location_name,
            "tags": facts.tags,
            "partition_key": facts.partition_key,
            "partition_key_range": _range(facts.partition_key_range),
            "op_selection": facts.op_selection,
            "asset_selection": facts.asset_selection,
            "asset_check_selection": facts.asset_check_selection,
            "step_selection": facts.step_selection,
            "parent_run_id": facts.parent_run_id,
            "root_run_id": facts.root_run_id,
        },
        "run_config": facts.run_config,
        "environment_variables": facts.environment_variables,
        "dagster_cloud": {"org_id": facts.org_id, "deployment_id": facts.deployment_id},
        "metadata": {
            "launched_at": now.isoformat(),
            "launcher_version": __version__,
            "invocation_type": launch.invocation_type,
        },
    }
    if facts.job_graph is not None:
        payload["job_graph"] = facts.job_graph
    if facts.result_record:
        payload["metadata"]["result_record"] = facts.result_record
    if facts.outputs:
        payload["outputs"] = facts.outputs
    if facts.code is not None:
        # The run has its config, which is not sent twice.
        payload |= {"code": facts.code, "run_config": {}}
    return payload


def _range(partitions: tuple[str, str] | None) -> dict[str, str] | None:
    return partitions and {"start": partitions[0], "end": partitions[1]}


def _at(path: str, run_config: Mapping[str, Any]) -> Any:
    found: Any = run_config
    walked: list[str] = []
    for segment in path.split("."):
        if not isinstance(found, Mapping) or segment not in found:
            where = ".".join(walked) or "the root"
            there = (
                f"has {', '.join(map(str, found)) or 'nothing'}"
                if isinstance(found, Mapping)
                else f"is no dictionary but {type(found).__name__}"
            )
            raise SettingsError(
                f"tag {PAYLOAD_CONFIG_PATH} is {path!r} ({PAYLOAD_MODE}: custom), and the run "
                f"config has no {segment!r} there: {where} {there}"
            )
        found = found[segment]
        walked.append(segment)
    return found
