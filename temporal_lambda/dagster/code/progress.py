"""How far a run is: which steps are ready, by Dagster's own rules.

It runs in the workflow, so nothing here depends on time, chance, or the order of a set.
"""

from __future__ import annotations

from types import TracebackType

from dagster import DagsterEvent, DagsterEventType

from temporal_lambda.dagster.code.code_location import code_location
from temporal_lambda.dagster.code.execution import executor_config, retry_mode
from temporal_lambda.dagster.code.launched_run import plan_of, unpack_run
from temporal_lambda.dagster.code.run_data import CodeRun, Note, StepCall, StepResult
from temporal_lambda.dagster.dagster_internals import (
    ExecutionStep,
    StepOutputData,
    StepOutputHandle,
    serialize_value,
)
from temporal_lambda.dagster.packed_text import pack

PRIORITY = "dagster/priority"
"""The tag by which Dagster orders steps that are ready at the same time."""


class Progress:
    """The state of one run; a context, as Dagster's own state machine is.

    Args:
        run: The run as its workflow was started with it.

    Raises:
        PayloadError: The run can't be carried out with the definitions that are here.
    """

    def __init__(self, run: CodeRun) -> None:
        self._definitions = run.definitions
        record, known_state = unpack_run(run.run)
        job = code_location(run.definitions).job_of(record)
        plan = plan_of(job, record, known_state)
        config = executor_config(job, record)
        self._retry_mode = retry_mode(config).for_inner_plan()
        self._active = plan.start(
            self._retry_mode,
            sort_key_fn=_order,  # type: ignore[arg-type] # Anything that sorts will do.
            max_concurrent=config.get("max_concurrent") or None,
            tag_concurrency_limits=config.get("tag_concurrency_limits"),
        )
        self._job_name = job.name
        self._record = record
        self._values: dict[str, str] = {}
        self._not_done: set[str] = set()
        self.failed: dict[str, str] = {}

    def __enter__(self) -> Progress:
        self._active.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        stack: TracebackType | None,
    ) -> None:
        self._active.__exit__(kind, error, stack)

    def ready(self) -> list[str]:
        """Steps that can begin now, each told once."""
        return [step.key for step in self._active.get_steps_to_execute()]

    def passed_over(self) -> list[Note]:
        """Steps that will not be executed, each told once: they are skipped, or wait in vain."""
        notes = []
        while skipped := self._active.get_steps_to_skip():
            for step in sorted(skipped, key=_order):
                notes.append(Note(step.key, "skipped", self._without(step)))
                self._active.mark_skipped(step.key)
        while abandoned := self._active.get_steps_to_abandon():
            for step in sorted(abandoned, key=_order):
                notes.append(Note(step.key, "abandoned", self._in_vain(step)))
                self._active.mark_abandoned(step.key)
                self._not_done.add(step.key)
        return notes

    def call(self, key: str) -> StepCall:
        """What the activity of a step is given.

        Args:
            key: A step that is ready.
        """
        step = self._active.get_step_by_key(key)
        needed = _needed(step)
        state = self._active.get_known_state()
        attempts = state.previous_retry_attempts
        # What other steps produced is of no use to this one, and would be kept with each.
        own = state._replace(
            ready_outputs=state.ready_outputs & needed,
            previous_retry_attempts={key: attempts[key]} if key in attempts else {},
        )
        names = map(name_of, needed)
        return StepCall(
            key,
            self._definitions,
            pack([serialize_value(self._record), serialize_value(own)]),
            self._retry_mode.value,
            {name: self._values[name] for name in sorted(names) if name in self._values},
        )

    def take(self, key: str, result: StepResult) -> None:
        """Take in what a step came to.

        Args:
            key: The step.
            result: Its result; with ``retry``, the step is still ready.
        """
        for name, mapping_key in result.outputs:
            output = StepOutputData(StepOutputHandle(key, name, mapping_key))
            kind = DagsterEventType.STEP_OUTPUT.value
            event = DagsterEvent(kind, self._job_name, step_key=key, event_specific_data=output)
            self._active.handle_event(event)
        self._values.update(result.values)
        if result.status == "retry":
            self._active.retry_state.mark_attempt(key)
        elif result.status == "success":
            self._active.mark_success(key)
        else:
            self.fail(key, result.error)

    def fail(self, key: str, error: str) -> None:
        """A step failed.

        Args:
            key: The step.
            error: Why.
        """
        self.failed[key] = error
        self._not_done.add(key)
        self._active.mark_failed(key)

    def _without(self, step: ExecutionStep) -> str:
        produced = self._active.get_known_state().ready_outputs
        missing = sorted({name_of(output) for output in _needed(step) - produced})
        return f"Skipping step {step.key} due to skipped dependencies: {missing}."

    def _in_vain(self, step: ExecutionStep) -> str:
        waits_for = {key for step_input in step.step_inputs for key in step_input.dependency_keys}
        failed = sorted(waits_for & set(self.failed))
        others = sorted(waits_for & self._not_done - set(self.failed))
        parts = [f" failed: {failed}"] if failed else []
        parts += [f" were not executed: {others}"] if others else []
        return f"Dependencies for step {step.key}{''.join(parts)}. Not executing."


def name_of(output: StepOutputHandle) -> str:
    """The name of an output in a run.

    Example:
        >>> name_of(StepOutputHandle("split", "parts", "a"))
        'split.parts[a]'
    """
    mapping = "" if output.mapping_key is None else f"[{output.mapping_key}]"
    return f"{output.step_key}.{output.output_name}{mapping}"


def _needed(step: ExecutionStep) -> set[StepOutputHandle]:
    return {
        output
        for step_input in step.step_inputs
        for output in step_input.get_step_output_handle_dependencies()
    }


def _order(step: ExecutionStep) -> tuple[int, str]:
    try:
        return -int(step.tags.get(PRIORITY, 0)), step.key
    except ValueError:
        return 0, step.key
