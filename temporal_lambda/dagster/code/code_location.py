"""The definitions that a function's package holds, and the job of a run among them."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import dagster
from dagster import DagsterRun, Definitions, JobDefinition, RepositoryDefinition

from temporal_lambda.dagster.dagster_internals import (
    CodePointer,
    initialize_repository_def_from_pointer,
)
from temporal_lambda.errors import PayloadError, SettingsError


class CodeLocation:
    """Definitions, loaded once per process.

    Args:
        repository: What they come to.
        name: What they were loaded from, for messages.
    """

    def __init__(self, repository: RepositoryDefinition, name: str) -> None:
        self.repository = repository
        self.name = name
        self._subset = functools.lru_cache(maxsize=32)(self._find_subset)

    @classmethod
    def load(cls, target: str) -> CodeLocation:
        """Load definitions, as ``dagster -m`` does.

        Args:
            target: ``module`` or ``module:attribute``.

        Raises:
            SettingsError: There is no such module, or nothing that Dagster could load in it.
        """
        module_name, _, attribute = target.partition(":")
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
                raise
            raise SettingsError(
                f"definitions={target!r} names a module that is not in the function's package: "
                f"{error.name}"
            ) from None
        if not attribute:
            attribute = _only_one(target, _loadable(vars(module)))
        elif not hasattr(module, attribute):
            raise SettingsError(f"definitions={target!r}: {module_name} has no {attribute!r}")
        pointer = CodePointer.from_module(module_name, attribute, working_directory=None)
        return cls(initialize_repository_def_from_pointer(pointer), target)

    @property
    def jobs(self) -> Mapping[str, JobDefinition]:
        """All jobs by name, with the one that all assets are in."""
        return {job.name: job for job in self.repository.get_all_jobs()}

    def job_of(self, run: DagsterRun) -> JobDefinition:
        """The job of a run, as far as it was selected.

        Args:
            run: As its launcher sent it.

        Raises:
            PayloadError: There is no such job, or nothing in it is what was selected.
        """
        # Hashable, as the selections of a run are not.
        return self._subset(
            run.job_name,
            None if run.op_selection is None else tuple(run.op_selection),
            run.asset_selection and frozenset(run.asset_selection),
            None if run.asset_check_selection is None else frozenset(run.asset_check_selection),
        )

    def _find_subset(self, name: str, ops: Any, assets: Any, checks: Any) -> JobDefinition:
        if not self.repository.has_job(name):
            known = ", ".join(sorted(self.jobs)) or "none"
            raise PayloadError(f"{self.name} has no job {name!r}; there are {known}")
        job = self.repository.get_job(name)
        if not (ops or assets or checks):
            return job
        try:
            return job.get_subset(
                op_selection=ops, asset_selection=assets, asset_check_selection=checks
            )
        except dagster.DagsterError as error:
            raise PayloadError(
                f"what was selected of job {name!r} is not in {self.name}: {error}"
            ) from None


def _loadable(members: Mapping[str, Any]) -> Iterator[str]:
    # Loaded by every code location that has one, and by no other.
    from dagster.components.definitions import LazyDefinitions

    for kind in (LazyDefinitions, Definitions, RepositoryDefinition, JobDefinition):
        found = [name for name, value in members.items() if isinstance(value, kind)]
        if found:
            # One object under two names is one.
            yield from {id(members[name]): name for name in found}.values()
            return


def _only_one(target: str, attributes: Iterator[str]) -> str:
    found = list(attributes)
    if len(found) != 1:
        what = f"several: {', '.join(found)}" if found else "none"
        raise SettingsError(
            f"definitions={target!r} must be a module with one Definitions object (or repository, "
            f"or job), and it has {what}; name the one that is meant as {target}:<attribute>"
        )
    return found[0]


@functools.cache
def code_location(target: str) -> CodeLocation:
    """The definitions of a target, loaded once per process.

    Args:
        target: See ``CodeLocation.load``.

    Raises:
        SettingsError: See ``CodeLocation.load``.
    """
    return CodeLocation.load(target)
