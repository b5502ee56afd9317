"""A run as a workflow: started or attached to, worked for, and waited for."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowFailureError,
    WorkflowHandle,
)
from temporalio.common import (
    PinnedVersioningOverride,
    WorkerDeploymentVersion,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, CancelledError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from temporal_lambda.dagster.protocol import WORKFLOW_ID, Request
from temporal_lambda.dagster.serving.answer import Answers
from temporal_lambda.dagster.serving.payload_size import MAX_PAYLOAD_BYTES, REMEDY, size_of
from temporal_lambda.dagster.serving.plan import Run
from temporal_lambda.dagster.serving.run_history import read_history
from temporal_lambda.dagster.serving.step_report import Step
from temporal_lambda.errors import DeadlineError, PayloadError
from temporal_lambda.runtime.work_strategy import Stop, Work
from temporal_lambda.timeouts import at_most

NOT_REGISTERED_YET = "is not present in task queue"
"""Part of what the server says of a version whose first poll it has not taken in yet, which takes
about a second after a deployment."""

REGISTRATION_STEP = 0.1
"""Seconds between two attempts to start a workflow in a version that is not registered yet."""

AWAITED = "RequestResponse"
"""The invocation type of a launcher that waits for the answer, and asks again."""

ELSEWHERE_SECONDS = 2.0
"""Seconds between two looks at whether another invocation does the work."""

STEPS_SECONDS = 2.0
"""How long reading what became of the ops may take; an answer without them is better than none."""

logger = logging.getLogger(__name__)


class RunDurably:
    """A work strategy: work for one run until it is over or the invocation has to end.

    Asked again with the same run, it goes on, or answers what the first one was answered.

    Args:
        run: The run.
        workflow: The workflow that runs it, by its run method or its name.
        version: This build, which the workflow is pinned to.
        answers: Answers about this run; they name the workflow that it is.
    """

    connects = polls = True

    def __init__(
        self,
        run: Run,
        workflow: Any,
        version: WorkerDeploymentVersion,
        answers: Answers,
    ) -> None:
        self._run = run
        self._workflow = workflow
        self._workflow_id = answers.workflow_id
        self._version = version
        self._answers = answers
        self._started = False
        self._steps: list[Step] = []

    async def run(self, work: Work) -> Stop:
        """See base class."""
        assert work.client is not None
        try:
            await self._add_parent_outputs(work.client)
            self._check_size(work.client)
        except PayloadError as error:
            return Stop("result", self._answers.refused(error))
        await self._start(work.client, work.config.worker_config["task_queue"])
        self._started = True
        # Not the handle of the start: that one would decode the result into the workflow's type.
        handle = work.client.get_workflow_handle(self._workflow_id)
        description = await handle.describe()
        if build_id := self._other_build(description):
            steps = await _steps(work.client, self._workflow_id)
            return Stop("result", self._answers.running(build_id, steps))
        result = asyncio.create_task(_result(work.client, handle, self._answers))
        elsewhere = asyncio.create_task(self._until_elsewhere(work, handle, description))
        try:
            await asyncio.wait({result, elsewhere}, return_when=asyncio.FIRST_COMPLETED)
            if result.done():
                return Stop("result", result.result())
            elsewhere.result()
            steps = await _steps(work.client, self._workflow_id)
            return Stop("result", self._answers.running(steps=steps, elsewhere=True))
        except asyncio.CancelledError:
            # While the worker closes, there is time to look once more.
            self._steps = await _steps(work.client, self._workflow_id)
            raise
        finally:
            result.cancel()
            elsewhere.cancel()

    async def _until_elsewhere(
        self, work: Work, handle: WorkflowHandle[Any, Any], seen: WorkflowExecutionDescription
    ) -> None:
        """Return once another invocation does the work, and this one would be billed for waiting.

        Only a launcher that waits for the answer asks again.
        """
        assert work.client is not None
        own = work.config.worker_config.get("identity") or work.client.identity
        if self._run.context.invocation_type != AWAITED:
            await asyncio.Event().wait()
        while not _is_elsewhere(seen, own):
            await asyncio.sleep(ELSEWHERE_SECONDS)
            if not work.activities.on_server:
                try:
                    seen = await handle.describe()
                except RPCError as error:
                    logger.debug("the workflow can't be looked at: %s", error)

    def outcome(self) -> Any:
        """See base class."""
        if not self._started:
            raise DeadlineError(
                "the function's time was over before the server had taken the run; deliver it again"
            )
        return self._answers.running(steps=self._steps)

    async def _add_parent_outputs(self, client: Client) -> None:
        """Read what the selected ops need of the run they repeat, unless this one has begun."""
        missing, parent = self._run.missing_outputs, self._run.context.parent_run_id
        if not missing or await _exists(client, self._workflow_id):
            return
        outputs: dict[str, Any] = {}
        before = WORKFLOW_ID.format(run_id=parent)
        if parent is not None and await _exists(client, before):
            outputs = (await read_history(client, before)).outputs
        found = {name: outputs[name] for name in missing if name in outputs}
        if still_missing := [name for name in missing if name not in found]:
            raise PayloadError(
                f"the selected ops need the outputs of {', '.join(still_missing)}, and neither the "
                f"payload nor the workflow of the parent run ({parent or 'none'}) has them: run "
                "the whole job"
            )
        self._run = replace(self._run, outputs={**self._run.outputs, **found})

    def _check_size(self, client: Client) -> None:
        size = size_of(client.data_converter.payload_converter, self._run)
        if size > MAX_PAYLOAD_BYTES:
            raise PayloadError(
                f"the plan of the run, with {len(self._run.ops)} ops and their configs, has {size} "
                f"bytes, and a workflow can be started with {MAX_PAYLOAD_BYTES}: {REMEDY}"
            )

    def _other_build(self, description: WorkflowExecutionDescription) -> str | None:
        """The build a run that goes on is pinned to, if this worker is another."""
        info = description.raw_description.workflow_execution_info
        build_id = info.versioning_info.versioning_override.pinned.version.build_id
        running = description.status == WorkflowExecutionStatus.RUNNING
        return build_id if running and build_id not in ("", self._version.build_id) else None

    async def _start(self, client: Client, task_queue: str) -> None:
        while True:
            try:
                await client.start_workflow(
                    self._workflow,
                    self._run,
                    id=self._workflow_id,
                    task_queue=task_queue,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                    versioning_override=PinnedVersioningOverride(self._version),
                    static_summary=f"Dagster: {self._run.title}",
                )
                return
            except WorkflowAlreadyStartedError:
                return
            except RPCError as error:
                if NOT_REGISTERED_YET not in error.message:
                    raise
            await asyncio.sleep(REGISTRATION_STEP)


class AskAbout:
    """A work strategy: cancel a run that was started before, or tell how it stands.

    It works for the run while it waits for it to be canceled. To tell how it stands, it takes in no
    work: that would be cut off at once.

    Args:
        kind: What is asked.
        answers: Answers about this run; they name its workflow.
    """

    connects = True

    def __init__(self, kind: Request, answers: Answers) -> None:
        self._kind = kind
        self.polls = kind == "cancel"
        self._workflow_id = answers.workflow_id
        self._answers = answers

    async def run(self, work: Work) -> Stop:
        """See base class."""
        assert work.client is not None
        handle = work.client.get_workflow_handle(self._workflow_id)
        try:
            description = await handle.describe()
            running = description.status == WorkflowExecutionStatus.RUNNING
            if running and self._kind == "status":
                history = await read_history(work.client, self._workflow_id, description)
                return Stop("result", self._answers.running(steps=history.steps.values()))
            if running:
                await handle.cancel()
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            return Stop("result", self._answers.unknown())
        return Stop("result", await _result(work.client, handle, self._answers))

    def outcome(self) -> Any:
        """See base class."""
        return self._answers.running()


def _is_elsewhere(description: WorkflowExecutionDescription, own: str) -> bool:
    """Whether ops of a run are at work, and all of them by workers of another identity."""
    started = [
        activity.last_worker_identity
        for activity in description.raw_description.pending_activities
        if activity.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
    ]
    running = description.status == WorkflowExecutionStatus.RUNNING
    return running and bool(started) and own not in started


async def _exists(client: Client, workflow_id: str) -> bool:
    try:
        await client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


async def _result(
    client: Client, handle: WorkflowHandle[Any, Any], answers: Answers
) -> dict[str, Any]:
    try:
        result = await handle.result()
    except WorkflowFailureError as error:
        cause = error.cause
        steps = await _steps(client, handle.id)
        if isinstance(cause, CancelledError):
            return answers.canceled(steps)
        told = cause.message if isinstance(cause, ApplicationError) else f"the workflow: {cause}"
        return answers.failed(told, steps)
    return answers.success(result, await _steps(client, handle.id))


async def _steps(client: Client, workflow_id: str) -> list[Step]:
    """What became of the ops; nothing if that can't be learned now, as the answer is due."""
    try:
        async with at_most(STEPS_SECONDS):
            history = await read_history(client, workflow_id)
    except Exception:
        logger.warning("the steps of %s can't be read", workflow_id, exc_info=True)
        return []
    return list(history.steps.values())
