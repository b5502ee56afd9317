"""Whether the outputs of steps can be found by steps in other invocations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dagster import (
    FilesystemIOManager,
    GraphDefinition,
    JobDefinition,
    ResourceDefinition,
    fs_io_manager,
    mem_io_manager,
)

from temporal_lambda.dagster.dagster_internals import (
    NodeHandle,
    default_job_io_manager,
    default_job_io_manager_with_fs_io_manager_schema,
)
from temporal_lambda.errors import SettingsError

MAX_NAMED = 5
"""Outputs that a refusal names."""


def check_outputs(jobs: Mapping[str, JobDefinition], *, outputs_in_history: bool) -> None:
    """Refuse jobs of which one step could not load what another one returned.

    Args:
        jobs: By name.
        outputs_in_history: Whether the default IO manager keeps outputs in the history.

    Raises:
        SettingsError: Names the outputs and what to do.
    """
    lost = [
        f"output {output} of job {name!r} ({why})"
        for name, job in jobs.items()
        for output, why in _lost(job, outputs_in_history=outputs_in_history)
    ]
    if lost:
        more = f" and {len(lost) - MAX_NAMED} more" if len(lost) > MAX_NAMED else ""
        raise SettingsError(
            "steps of durable runs are executed in different invocations, whose disks are not "
            f"shared, and these outputs would be lost: {', '.join(lost[:MAX_NAMED])}{more}. Give "
            "the code location an IO manager that keeps outputs elsewhere, such as "
            "resources={'io_manager': dagster_aws.s3.S3PickleIOManager(...)}; or let small outputs "
            "ride in the history (outputs_in_history=True); or name the jobs that this function "
            "serves (jobs=[...])"
        )


def _lost(job: JobDefinition, *, outputs_in_history: bool) -> Iterator[tuple[str, str]]:
    for output, key in sorted(_loaded_outputs(job.graph)):
        manager = job.resource_defs.get(key)
        if _is_default(manager):
            if not outputs_in_history:
                yield output, "Dagster's default IO manager keeps it on the local disk"
        elif why := _local(manager):
            yield output, why


def _loaded_outputs(graph: GraphDefinition) -> Iterator[tuple[str, str]]:
    """Outputs that another node loads, and the resource that keeps each."""
    structure = graph.dependency_structure
    for node in graph.nodes:
        if isinstance(node.definition, GraphDefinition):
            yield from _loaded_outputs(node.definition)
        for name in node.output_dict:
            if not structure.output_to_downstream_inputs_for_node(node.name).get(
                node.get_output(name)
            ):
                continue
            origin, _ = node.definition.resolve_output_to_origin(name, NodeHandle(node.name, None))
            if not origin.dagster_type.is_nothing:
                yield f"{node.name}.{name}", origin.io_manager_key


def _is_default(manager: ResourceDefinition | None) -> bool:
    defaults = (default_job_io_manager, default_job_io_manager_with_fs_io_manager_schema)
    return manager is not None and any(
        manager.resource_fn is default.resource_fn for default in defaults
    )


def _local(manager: ResourceDefinition | None) -> str:
    """Why what an IO manager keeps is lost with the execution environment; empty if it is not."""
    if manager is None:
        return ""
    if manager.resource_fn is mem_io_manager.resource_fn:
        return "mem_io_manager keeps it in the memory of one process"
    # With a directory it may be a shared one, such as a file system that is mounted.
    schema = manager.config_schema
    directory = (
        (schema.default_value or {}).get("base_dir") if schema and schema.default_provided else None
    )
    is_disk = getattr(manager, "configurable_resource_cls", None) is FilesystemIOManager
    if manager is fs_io_manager or (is_disk and directory is None):
        return "it is kept on the local disk: base_dir names no shared directory"
    return ""
