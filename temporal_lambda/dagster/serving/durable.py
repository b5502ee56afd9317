"""A run as a workflow: started or attached to, worked for, and waited for."""

from __future__ import annotations

import asyncio
import logging
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

from temporal_lambda.dagster.protocol import Request
from temporal_lambda.dagster.serving.answer import NOTHING, Answers, Told
from temporal_lambda.dagster.serving.durable_run import DurableRun, Teller
from temporal_lambda.errors import DeadlineError, PayloadError
from temporal_lambda.runtime.work_strategy import Stop, Work
from temporal_lambda.timeouts import at_most

NOT_REGISTERED_YET = "is not present in task queue"
"""Part of what the server says of a version whose first poll it has not taken in yet, which takes
about a second after a deployment."""

REGISTRATION_STEP = 0.1
"""Seconds between two attempts to start a workflow in a version that is not registered yet."""

ELSEWHERE_SECONDS = 2.0
"""Seconds between two looks at whether another invocation does the work."""

TELL_SECONDS = 2.0
"""How long reading what became of a run's parts may take; an answer without is better than none."""

logger = logging.getLogger(__name__)


class RunDurably:
    """A work strategy: work for one run until it is over or the invocation has to end.

    Asked again with the same run, it goes on, or answers what the first one was answered.

    Args:
        run: The run.
        version: This build, which the workflow is pinned to.
        answers: Answers about this run; they name the workflow that it is.
    """

    connects = polls = True

    def __init__(
        self,
        run: DurableRun,
        version: WorkerDeploymentVersion,
        answers: Answers,
    ) -> None:
        self._run = run
        self._workflow_id = answers.workflow_id
        self._version = version
        self._answers = answers
        self._started = False
        self._told: Told = NOTHING

    async def run(self, work: Work) -> Stop:
        """See base class."""
        assert work.client is not None
        try:
            argument = await self._run.argument(work.client, self._workflow_id)
        except PayloadError as error:
            return Stop("result", self._answers.refused(error))
        await self._start(work.client, argument, work.config.worker_config["task_queue"])
        self._started = True
        # Not the handle of the start: that one would decode the result into the workflow's type.
        handle = work.client.get_workflow_handle(self._workflow_id)
        description = await handle.describe()
        if build_id := self._other_build(description):
            told = await _tell(self._run, work.client, self._workflow_id)
            return Stop("result", self._answers.running(build_id, told))
        result = asyncio.create_task(_result(self._run, work.client, handle, self._answers))
        elsewhere = asyncio.create_task(self._until_elsewhere(work, handle, description))
        try:
            await asyncio.wait({result, elsewhere}, return_when=asyncio.FIRST_COMPLETED)
            if result.done():
                return Stop("result", result.result())
            elsewhere.result()
            told = await _tell(self._run, work.client, self._workflow_id)
            return Stop("result", self._answers.running(told=told, elsewhere=True))
        except asyncio.CancelledError:
            # While the worker closes, there is time to look once more.
            self._told = await _tell(self._run, work.client, self._workflow_id)
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
        if not self._run.awaited:
            await asyncio.Event().wait()
        # What has begun here since the last look would be cut off.
        while work.activities.on_server or not _is_elsewhere(seen, own):
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
        return self._answers.running(told=self._told)

    def _other_build(self, description: WorkflowExecutionDescription) -> str | None:
        """The build a run that goes on is pinned to, if this worker is another."""
        info = description.raw_description.workflow_execution_info
        build_id = info.versioning_info.versioning_override.pinned.version.build_id
        running = description.status == WorkflowExecutionStatus.RUNNING
        return build_id if running and build_id not in ("", self._version.build_id) else None

    async def _start(self, client: Client, argument: Any, task_queue: str) -> None:
        while True:
            try:
                await client.start_workflow(
                    self._run.workflow,
                    argument,
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
        teller: Reads what became of it.
    """

    connects = True

    def __init__(self, kind: Request, answers: Answers, teller: Teller) -> None:
        self._kind = kind
        self._teller = teller
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
                told = await self._teller.tell(work.client, self._workflow_id, description)
                return Stop("result", self._answers.running(told=told))
            if running:
                await handle.cancel()
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:
                raise
            return Stop("result", self._answers.unknown())
        return Stop("result", await _result(self._teller, work.client, handle, self._answers))

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


async def exists(client: Client, workflow_id: str) -> bool:
    """Whether there is a workflow of this id, or was one that is not forgotten yet.

    Args:
        client: A client of the server.
        workflow_id: The id.

    Raises:
        temporalio.service.RPCError: The server does not answer.
    """
    try:
        await client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


async def _result(
    teller: Teller, client: Client, handle: WorkflowHandle[Any, Any], answers: Answers
) -> dict[str, Any]:
    try:
        result = await handle.result()
    except WorkflowFailureError as error:
        cause = error.cause
        told = await _tell(teller, client, handle.id)
        if isinstance(cause, CancelledError):
            return answers.canceled(told)
        why = cause.message if isinstance(cause, ApplicationError) else f"the workflow: {cause}"
        return answers.failed(why, told)
    return answers.success(result, await _tell(teller, client, handle.id))


async def _tell(teller: Teller, client: Client, workflow_id: str) -> Told:
    """What became of the run's parts; nothing if that can't be learned now: the answer is due."""
    try:
        async with at_most(TELL_SECONDS):
            return await teller.tell(client, workflow_id)
    except Exception:
        logger.warning("what became of %s can't be read", workflow_id, exc_info=True)
        return NOTHING
