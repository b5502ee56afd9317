"""A run whose ops are activities, as a workflow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from temporalio.client import Client, WorkflowExecutionDescription

from temporal_lambda.dagster.protocol import AWAITED, WORKFLOW_ID
from temporal_lambda.dagster.serving.answer import Told
from temporal_lambda.dagster.serving.durable import exists
from temporal_lambda.dagster.serving.payload_size import MAX_PAYLOAD_BYTES, REMEDY, size_of
from temporal_lambda.dagster.serving.plan import Run
from temporal_lambda.dagster.serving.run_history import read_history
from temporal_lambda.dagster.serving.step_report import StepsTold
from temporal_lambda.errors import PayloadError


class StepsOfHistory:
    """Reads what became of each op, see ``durable_run.Teller``."""

    async def tell(
        self,
        client: Client,
        workflow_id: str,
        description: WorkflowExecutionDescription | None = None,
    ) -> Told:
        """See ``durable_run.Teller``."""
        history = await read_history(client, workflow_id, description)
        return StepsTold(list(history.steps.values()))


@dataclass(frozen=True)
class DurableOps(StepsOfHistory):
    """A run, see ``durable_run.DurableRun``.

    Attributes:
        run: The run.
        workflow: The workflow that runs it, by its run method or its name.
    """

    run: Run
    workflow: Any

    @property
    def title(self) -> str:
        """What the run is called."""
        return self.run.title

    @property
    def awaited(self) -> bool:
        """Whether the launcher waits for the answer."""
        return self.run.context.invocation_type == AWAITED

    async def argument(self, client: Client, workflow_id: str) -> Run:
        """The run, with the outputs that it needs of the run it repeats.

        Raises:
            PayloadError: They are not known, or the plan is too large.
        """
        run = await self._with_parent_outputs(client, workflow_id)
        size = size_of(client.data_converter.payload_converter, run)
        if size > MAX_PAYLOAD_BYTES:
            raise PayloadError(
                f"the plan of the run, with {len(run.ops)} ops and their configs, has {size} "
                f"bytes, and a workflow can be started with {MAX_PAYLOAD_BYTES}: {REMEDY}"
            )
        return run

    async def _with_parent_outputs(self, client: Client, workflow_id: str) -> Run:
        missing, parent = self.run.missing_outputs, self.run.context.parent_run_id
        if not missing or await exists(client, workflow_id):
            return self.run
        outputs: dict[str, Any] = {}
        before = WORKFLOW_ID.format(run_id=parent)
        if parent is not None and await exists(client, before):
            outputs = (await read_history(client, before)).outputs
        found = {name: outputs[name] for name in missing if name in outputs}
        if still_missing := [name for name in missing if name not in found]:
            raise PayloadError(
                f"the selected ops need the outputs of {', '.join(still_missing)}, and neither the "
                f"payload nor the workflow of the parent run ({parent or 'none'}) has them: run "
                "the whole job"
            )
        return replace(self.run, outputs={**self.run.outputs, **found})
