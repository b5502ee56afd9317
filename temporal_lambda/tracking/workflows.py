"""Knows which workflows are in the worker's cache and not finished: their next task comes here."""

from __future__ import annotations

from typing import Any

from temporalio import workflow
from temporalio.worker import (
    ExecuteWorkflowInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

_BEGIN, _END = "__temporal_lambda_begin_run", "__temporal_lambda_end_run"


class UnfinishedWorkflows(Interceptor):
    """A worker interceptor that keeps the runs in the cache."""

    def __init__(self) -> None:
        self._unfinished: set[str] = set()

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor]:
        """See base class."""
        # The way out of the sandbox. Workflows run in threads; adding to a set and discarding from
        # it are atomic.
        input.unsafe_extern_functions[_BEGIN] = self._unfinished.add
        input.unsafe_extern_functions[_END] = self._unfinished.discard
        return _Recorder

    @property
    def unfinished(self) -> bool:
        """Whether there are any that are not finished."""
        return bool(self._unfinished)


class _Recorder(WorkflowInboundInterceptor):
    async def execute_workflow(self, input: ExecuteWorkflowInput) -> Any:
        """See base class."""
        functions, run_id = workflow.extern_functions(), workflow.info().run_id
        functions[_BEGIN](run_id)
        try:
            return await super().execute_workflow(input)
        finally:
            # Also when it is evicted from the cache.
            functions[_END](run_id)
