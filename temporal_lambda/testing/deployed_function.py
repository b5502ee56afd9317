"""A function that a test has deployed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.local import Function, InvocationRecord, LambdaService
from temporal_lambda.local.stack import Deployed
from temporal_lambda.testing.faults import Faults, RunInStack
from temporal_lambda.testing.link import Link


@dataclass(frozen=True)
class Answered:
    """What a direct invocation came to.

    Attributes:
        record: The invocation.
        result: What the handler returned, or the error as Lambda tells it, decoded from JSON.
    """

    record: InvocationRecord
    result: Any


class DeployedFunction:
    """A function behind the worker controller; ``BackgroundStack.deploy`` makes it.

    Attributes:
        name: Its name.
        version: Its worker deployment version.
        task_queue: The task queue it serves.
        faults: What can go wrong with it, on request.
    """

    def __init__(
        self, service: LambdaService, deployed: Deployed, link: Link | None, run: RunInStack
    ) -> None:
        self.name: str = deployed.function.name
        self.version: WorkerDeploymentVersion = deployed.version
        self.task_queue: str = deployed.task_queue
        self.faults = Faults(service, deployed.function, link, run)
        self._function: Function = deployed.function
        self._service = service
        self._run = run

    @property
    def records(self) -> list[InvocationRecord]:
        """Its finished invocations, oldest first; the first one told the server its task queue."""
        return [record for record in list(self._service.records) if record.function == self.name]

    async def invoke(self, payload: Any = None) -> Answered:
        """Invoke it directly, as a caller of Lambda's API would, and wait for the answer.

        Args:
            payload: The event, as JSON values.

        Returns:
            The record and the handler's result; an error of the function is no exception here.
        """
        event = b"" if payload is None else json.dumps(payload).encode()
        record, answer = await self._run(self._service.invoke(self._function, event))
        return Answered(record, json.loads(answer.payload) if answer.payload.strip() else None)
