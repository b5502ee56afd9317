"""A run as its launcher sent it, and whether this function has the same definitions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dagster
from dagster import DagsterRun, JobDefinition

from temporal_lambda.dagster.dagster_internals import (
    ExecutionPlan,
    KnownExecutionState,
    create_execution_plan,
    deserialize_value,
)
from temporal_lambda.dagster.packed_text import unpack
from temporal_lambda.errors import PayloadError

NEEDS_TAG = (
    "the payload has no part 'code', so its launcher expects functions of another kind: tag the "
    "job or the run with lambda/run_code: 'true', or set default_run_code in the launcher's config"
)


@dataclass(frozen=True)
class LaunchedRun:
    """What the ``code`` part of a payload says.

    Attributes:
        packed: The run and its known state, as they came.
        run: Dagster's own record of it.
        known_state: What is known before it begins; of a re-execution, what the earlier runs did.
        dagster_version: Of the instance.
        job_snapshot_id: A digest of the whole job's definition, as the instance knows it.
    """

    packed: str
    run: DagsterRun
    known_state: KnownExecutionState | None
    dagster_version: str | None = None
    job_snapshot_id: str | None = None

    @classmethod
    def parse(cls, code: Any, run_id: str | None) -> LaunchedRun:
        """Read the part.

        Args:
            code: As ``protocol`` has it; not trusted.
            run_id: The run that the rest of the payload is about.

        Raises:
            PayloadError: It is missing, or can't be read here.
        """
        if code is None:
            raise PayloadError(NEEDS_TAG)
        if not isinstance(code, Mapping) or not isinstance(code.get("run"), str):
            raise PayloadError("the payload's part 'code' must be an object with run, a text")
        version, snapshot = code.get("dagster"), code.get("job_snapshot")
        check_version(version)
        run, known_state = unpack_run(code["run"])
        if run.run_id != run_id:
            raise PayloadError(f"the payload is of run {run_id}, and its part 'code' of another")
        return cls(
            code["run"],
            run,
            known_state,
            version if isinstance(version, str) else None,
            snapshot if isinstance(snapshot, str) else None,
        )

    def check_definition(self, job: JobDefinition) -> None:
        """Compare the job as it is here with the one that the instance has.

        Args:
            job: The whole job, whatever was selected of it.

        Raises:
            PayloadError: They differ.
        """
        if self.job_snapshot_id is None or self.dagster_version != dagster.__version__:
            # Other versions of Dagster may write the same definition in other words.
            return
        if job.get_job_snapshot_id() != self.job_snapshot_id:
            raise PayloadError(
                f"job {job.name!r} is defined in this function otherwise than in the code location "
                "that Dagster has loaded: deploy both from the same state of the code. (If the "
                "difference is meant, such as a path in metadata, run_dagster_code takes "
                "same_definitions=False)"
            )

    def plan(self, job: JobDefinition) -> ExecutionPlan:
        """The run's steps. Its config is checked, and what it refers to is looked up here.

        Args:
            job: The job, as far as it was selected.

        Raises:
            PayloadError: The config does not fit the job, or there are no such steps.
        """
        return plan_of(job, self.run, self.known_state)


def unpack_run(packed: str) -> tuple[DagsterRun, KnownExecutionState | None]:
    """A run and its known state.

    Args:
        packed: Not trusted.

    Raises:
        PayloadError: They can't be read with the Dagster that is here.
    """
    try:
        run_text, *state_texts = unpack(packed)
        run = deserialize_value(run_text, DagsterRun)
        states = [deserialize_value(text, KnownExecutionState) for text in state_texts]
    # Dagster checks values with errors of its own.
    except Exception as error:
        raise PayloadError(
            f"the run can't be read with Dagster {dagster.__version__}: "
            f"{type(error).__name__}: {error}"
        ) from None
    return run, states[0] if states else None


def plan_of(
    job: JobDefinition,
    run: DagsterRun,
    known_state: KnownExecutionState | None,
    step_keys: list[str] | None = None,
) -> ExecutionPlan:
    """The plan of a run, or of some of its steps.

    Args:
        job: The job, as far as it was selected.
        run: The run.
        known_state: What is known so far.
        step_keys: The steps to execute; by default those of the run.

    Raises:
        PayloadError: The config does not fit the job, or there are no such steps.
    """
    try:
        return create_execution_plan(
            job,
            run_config=run.run_config,
            step_keys_to_execute=step_keys or run.step_keys_to_execute,
            known_state=known_state,
            tags=run.tags,
        )
    except dagster.DagsterError as error:
        raise PayloadError(f"job {job.name!r} can't be run as it was launched: {error}") from None


def check_version(of_instance: Any) -> None:
    """Refuse a run of an instance whose Dagster is older, and could not read what is written here.

    Args:
        of_instance: The version of Dagster there; not trusted.

    Raises:
        PayloadError: It is older, or no version.
    """
    here = dagster.__version__
    if not isinstance(of_instance, str) or not _parts(of_instance):
        raise PayloadError("the payload's part 'code' must name the instance's version of dagster")
    if _parts(here) > _parts(of_instance) or _parts(here)[0] != _parts(of_instance)[0]:
        raise PayloadError(
            f"this function has dagster {here}, and the instance {of_instance}: an instance reads "
            "the events of its own version and of older ones, so upgrade it before its functions"
        )


def _parts(version: str) -> tuple[int, ...]:
    """The numbers that a version begins with."""
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()
