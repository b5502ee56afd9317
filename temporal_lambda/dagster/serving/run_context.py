"""What an op can ask about the Dagster run it belongs to, and report to it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

from temporalio.exceptions import ApplicationError

from temporal_lambda.dagster.serving.env_references import references, resolve_references
from temporal_lambda.errors import PayloadError


@dataclass(frozen=True)
class RunContext:
    """What the payload of a run says about it. It is part of a durable run's workflow history.

    Attributes:
        run_id: Dagster's run id; ``None`` if the payload's mode does not carry it.
        job_name: The job; ``None`` if the payload's mode does not carry it.
        deployment_name: The Dagster+ deployment, or the launcher's ``default_deployment_name``.
        location_name: The code location of the job.
        tags: The tags of the run.
        partition_key: The partition that the run is for.
        partition_key_range: ``{"start": …, "end": …}`` of a run over several partitions.
        op_selection: What was selected of the job; ``None`` if the whole job runs.
        asset_selection: Keys of the selected assets, such as ``shop/orders``; ``None`` if the
            whole job runs.
        asset_check_selection: Keys of the selected asset checks, such as ``shop/orders:not_empty``;
            ``None`` if nothing was said of them.
        parent_run_id: The run that this one repeats in whole or in part.
        root_run_id: The first run of that chain.
        org_id: The Dagster+ organization.
        deployment_id: The Dagster+ deployment's id.
        launched_at: When the launcher made the payload, in ISO 8601, UTC.
        launcher_version: The launcher's version of this package.
        invocation_type: ``Event`` or ``RequestResponse``, as the launcher invokes the function.
        resource_configs: Resource -> its config as it was sent, so with unresolved
            ``{"env": …}``. Ops use ``resources`` of ``dagster_run()`` instead.
    """

    run_id: str | None = None
    job_name: str | None = None
    deployment_name: str | None = None
    location_name: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    partition_key: str | None = None
    partition_key_range: dict[str, str] | None = None
    op_selection: list[str] | None = None
    asset_selection: list[str] | None = None
    asset_check_selection: list[str] | None = None
    parent_run_id: str | None = None
    root_run_id: str | None = None
    org_id: str | None = None
    deployment_id: str | None = None
    launched_at: str | None = None
    launcher_version: str | None = None
    invocation_type: str | None = None
    resource_configs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class OpContext(RunContext):
    """What ``dagster_run()`` gives an op: what is known of its run, and a way to report.

    Attributes:
        op_name: The op; ``graph.op`` for an op inside a graph.
        variables: See ``environment_variables``; ``None`` where they are not known.
        allowed_variables: What resources' configs may refer to.
        reported: Materializations, observations and checks so far.
        output_metadata: See ``add_output_metadata``.
    """

    op_name: str = ""
    variables: Mapping[str, str] | None = field(default=None, repr=False)
    allowed_variables: Collection[str] = ()
    reported: list[dict[str, Any]] = field(default_factory=list, repr=False)
    output_metadata: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def environment_variables(self) -> Mapping[str, str]:
        """Variables of Dagster's process that the launcher sends along, by name.

        They are kept in the memory of the invocation that received the run, and never in a
        workflow's history.

        Raises:
            ApplicationError: This attempt is made by another invocation of a durable run, such as
                one of the worker controller's. The attempt fails and is repeated.
        """
        if self.variables is None:
            raise ApplicationError(
                "the environment variables of the payload are known only to the invocation that "
                "received the run, and another one makes this attempt",
                type=VARIABLES_ELSEWHERE,
            )
        return self.variables

    @property
    def resources(self) -> Mapping[str, Any]:
        """Resource -> its config; ``{"env": …}`` is looked up when a resource is.

        Raises:
            PayloadError: A config refers to a variable that ``env`` of ``run_dagster_worker``
                does not list, or that is not set.
        """
        return _Resources(self.resource_configs, self.allowed_variables)

    def report_materialization(
        self,
        asset_key: str,
        *,
        metadata: Mapping[str, Any] | None = None,
        partition: str | None = None,
    ) -> None:
        """Report that the op has materialized an asset.

        Args:
            asset_key: Such as ``shop/orders``.
            metadata: Name -> a JSON value.
            partition: The partition; that of the run by default.
        """
        self._report_event("materialization", asset_key, metadata, partition)

    def report_observation(
        self,
        asset_key: str,
        *,
        metadata: Mapping[str, Any] | None = None,
        partition: str | None = None,
    ) -> None:
        """Report that the op has looked at an asset without changing it.

        Args:
            asset_key: Such as ``shop/orders``.
            metadata: Name -> a JSON value.
            partition: The partition; that of the run by default.
        """
        self._report_event("observation", asset_key, metadata, partition)

    def report_asset_check(
        self,
        asset_key: str,
        check_name: str,
        *,
        passed: bool,
        severity: Literal["WARN", "ERROR"] = "ERROR",
        metadata: Mapping[str, Any] | None = None,
        description: str | None = None,
    ) -> None:
        """Report the result of an asset check.

        Args:
            asset_key: The asset that was checked, such as ``shop/orders``.
            check_name: The check.
            passed: Its result.
            severity: What a failed check means.
            metadata: Name -> a JSON value.
            description: The result in words.
        """
        self._report(
            "asset_check",
            asset_key=asset_key,
            check_name=check_name,
            passed=passed,
            severity=severity,
            metadata=dict(metadata or {}),
            description=description,
        )

    def add_output_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Add metadata to the op's output in Dagster.

        Args:
            metadata: Name -> a JSON value.

        Raises:
            TypeError: A value is no JSON value.
            ValueError: A number is infinite or NaN.
        """
        self.output_metadata.update(_as_json(metadata))

    def _report_event(
        self, kind: str, asset_key: str, metadata: Mapping[str, Any] | None, partition: str | None
    ) -> None:
        self._report(
            kind,
            asset_key=asset_key,
            metadata=dict(metadata or {}),
            partition=partition if partition is not None else self.partition_key,
        )

    def _report(self, kind: str, **entry: Any) -> None:
        told = {name: value for name, value in entry.items() if value is not None}
        self.reported.append({"kind": kind, "time": time.time(), **_as_json(told)})


VARIABLES_ELSEWHERE = "VariablesElsewhere"
"""Type of the error that has an attempt repeated until it is made where the variables are known."""

_CURRENT: ContextVar[OpContext] = ContextVar("temporal_lambda_dagster_op")


def dagster_run() -> OpContext:
    """The Dagster run that the calling op belongs to. To be called in an op.

    Raises:
        RuntimeError: The caller is no op of a run.

    Example:
        >>> def partition() -> str | None:
        ...     return dagster_run().partition_key
        >>> with op_context(OpContext(partition_key="2026-01-09")):
        ...     partition()
        '2026-01-09'
    """
    try:
        return _CURRENT.get()
    except LookupError:
        raise RuntimeError(
            "dagster_run() knows the run of an op: call it in an activity that runs as one"
        ) from None


@contextmanager
def op_context(context: OpContext) -> Iterator[None]:
    """Let the block, and threads that get a copy of its context, find this by ``dagster_run()``.

    The handler does so around each op; tests of an op do it themselves.

    Args:
        context: What the op is to find.
    """
    token = _CURRENT.set(context)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def in_op(context: OpContext) -> bool:
    """Whether the caller runs in that very context."""
    return _CURRENT.get(None) is context


def _as_json(values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy, as it arrives in Dagster.

    Raises:
        TypeError: A value is no JSON value.
        ValueError: A number is infinite or NaN.
    """
    copy: dict[str, Any] = json.loads(json.dumps(values, allow_nan=False))
    return copy


class _Resources(Mapping[str, Any]):
    def __init__(self, configs: Mapping[str, Any], allowed: Collection[str]) -> None:
        self._configs = configs
        self._allowed = allowed

    def __getitem__(self, name: str) -> Any:
        config = self._configs[name]
        for variable in references(config):
            if variable not in self._allowed:
                raise PayloadError(
                    f"the config of resource {name!r} refers to the environment variable "
                    f"{variable!r}, which is not allowed here: add it to env=[...] of "
                    "run_dagster_worker, and set it in the function's environment"
                )
        return resolve_references(config, self._allowed, os.environ)

    def __iter__(self) -> Iterator[str]:
        return iter(self._configs)

    def __len__(self) -> int:
        return len(self._configs)
