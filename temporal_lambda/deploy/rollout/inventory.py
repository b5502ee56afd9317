"""Which builds there are, what they run on, and which may be deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.deploy.rollout.deploy import METADATA
from temporal_lambda.worker_deployment.states import (
    DeploymentState,
    VersionSummary,
    describe_version,
)


@dataclass(frozen=True)
class Build:
    """A build.

    Attributes:
        build_id: Its build id.
        status: As the server says it: ``current``, ``ramping``, ``draining``, ``drained``,
            ``inactive`` or ``created``.
        share: Percent of new workflows.
        function: ARN of the published Lambda version; ``None`` if it has none.
        task_queues: The task queues it serves; empty if it was never bound.
        code_sha256: Of its zip, as Lambda says it; ``None`` if it was not deployed by this.
        created: When it was registered, ISO 8601.
        deletable: Whether it gets no workflows and none is left on it.
        problem: What is wrong with it, or ``None``.
        content_sha256: Of the files in its zip; ``None`` if it was not deployed by this.
    """

    build_id: str
    status: str
    share: float
    function: str | None
    task_queues: Sequence[str]
    code_sha256: str | None
    created: str | None
    deletable: bool
    problem: str | None
    content_sha256: str | None = None


async def builds(client: Client, deployment: DeploymentState) -> list[Build]:
    """The builds of a deployment, the newest first."""
    return [await _build(client, deployment, summary) for summary in deployment.versions]


async def _build(client: Client, deployment: DeploymentState, summary: VersionSummary) -> Build:
    version = WorkerDeploymentVersion(deployment.name, summary.build_id)
    state = await describe_version(client, version)
    compute = state.compute if state else None
    queues = state.task_queues if state else ()
    problem = summary.validation_error
    if problem is None and compute is None:
        problem = "has no Lambda function: it was polled by hand before it was registered"
    elif problem is None and not queues:
        problem = "serves no task queue: no worker of it has polled yet"
    share = deployment.share(summary.build_id)
    noted = (state.metadata.get(METADATA) or {}) if state else {}
    return Build(
        build_id=summary.build_id,
        status=summary.status,
        share=share,
        function=compute.arn if compute else None,
        task_queues=queues,
        code_sha256=noted.get("code_sha256"),
        created=_iso(summary.created),
        deletable=not share and summary.status in ("drained", "inactive", "created"),
        problem=problem,
        content_sha256=noted.get("content_sha256"),
    )


def as_json(deployment: DeploymentState, found: Sequence[Build]) -> dict[str, Any]:
    """The inventory as JSON values."""
    return {
        "deployment": deployment.name,
        "current": deployment.current,
        "ramping": deployment.ramping,
        "ramp": deployment.ramp,
        "routed": deployment.routed,
        "builds": [asdict(build) for build in found],
    }


HEAD = ("build", "share", "status", "lambda", "task queues", "created", "")


def as_table(found: Sequence[Build]) -> list[str]:
    """The inventory as lines of text."""
    rows = [HEAD, *(_row(build) for build in found)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEAD))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _row(build: Build) -> tuple[str, ...]:
    function = ":".join((build.function or "-").split(":")[6:]) or build.function or "-"
    note = build.problem or ("may be deleted" if build.deletable else "")
    return (
        build.build_id,
        f"{build.share:g} %" if build.share else "-",
        build.status,
        function,
        ", ".join(build.task_queues) or "-",
        (build.created or "-")[:16].replace("T", " "),
        note,
    )


def _iso(time: datetime | None) -> str | None:
    return time.isoformat(timespec="seconds") if time else None
