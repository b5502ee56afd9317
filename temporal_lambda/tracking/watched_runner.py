"""A workflow runner that tells what its workflows are given and what they answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from temporalio import workflow
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner

if TYPE_CHECKING:
    from temporalio.bridge.proto.workflow_activation import WorkflowActivation
    from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

Advanced: TypeAlias = "Callable[[WorkflowActivation, WorkflowActivationCompletion], None]"
"""Is called with an activation and its completion."""


class WatchedRunner(WorkflowRunner):
    """Runs workflows as another runner does, and tells of each activation that it has completed.

    Args:
        runner: The other one, the user's own perhaps.
        advanced: Is called in the workflow's thread.
    """

    def __init__(self, runner: WorkflowRunner, advanced: Advanced) -> None:
        self._runner = runner
        self._advanced = advanced

    def prepare_workflow(self, defn: Any) -> None:
        """See base class."""
        self._runner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """See base class."""
        return WatchedInstance(self._runner.create_instance(det), self._advanced)

    def set_worker_level_failure_exception_types(
        self, types: Sequence[type[BaseException]]
    ) -> None:
        """See base class."""
        self._runner.set_worker_level_failure_exception_types(types)


class WatchedInstance(WorkflowInstance):
    """One workflow of a ``WatchedRunner``."""

    def __init__(self, instance: WorkflowInstance, advanced: Advanced) -> None:
        self._instance = instance
        self._advanced = advanced

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """See base class."""
        completion = self._instance.activate(act)
        self._advanced(act, completion)
        return completion

    def get_serialization_context(self, command_info: Any) -> Any:
        """See base class."""
        return self._instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:
        """See base class."""
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> workflow.Info:
        """See base class."""
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        """See base class."""
        return self._instance.get_thread_id()
