"""What a run must be for a workflow to carry it out, whatever its steps are."""

from __future__ import annotations

from typing import Any, Protocol

from temporalio.client import Client, WorkflowExecutionDescription

from temporal_lambda.dagster.serving.answer import Told


class Teller(Protocol):
    """Reads what became of the parts of a run: its ops, or its events."""

    async def tell(
        self,
        client: Client,
        workflow_id: str,
        description: WorkflowExecutionDescription | None = None,
    ) -> Told:
        """Read it; that needs no worker.

        Args:
            client: A client of the server.
            workflow_id: The workflow that is the run.
            description: Of the workflow, if that is at hand.

        Raises:
            temporalio.service.RPCError: The server does not answer, or knows no such workflow.
        """


class DurableRun(Teller, Protocol):
    """A run that a workflow carries out."""

    @property
    def workflow(self) -> Any:
        """The workflow, by its run method or its name."""

    @property
    def title(self) -> str:
        """What the run is called."""

    @property
    def awaited(self) -> bool:
        """Whether the launcher waits for the answer, and asks again."""

    async def argument(self, client: Client, workflow_id: str) -> Any:
        """What the workflow is started with, if it is not there yet.

        Raises:
            PayloadError: It can't be started.
        """
