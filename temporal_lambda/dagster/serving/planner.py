"""A request -> a run that can be carried out here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

from temporal_lambda.dagster.serving.env_references import check_references, references
from temporal_lambda.dagster.serving.graph import Graph, in_order
from temporal_lambda.dagster.serving.ops import Ops, validate
from temporal_lambda.dagster.serving.options import JobOptions, OpOptions
from temporal_lambda.dagster.serving.plan import OpPlan, Retries, Run
from temporal_lambda.dagster.serving.request import OpRequest, RunRequest
from temporal_lambda.errors import PayloadError


class Planner:
    """Plans the runs of one job.

    Args:
        ops: The ops there are.
        job: How the job's ops are run.
        options: How ops are run in all jobs, by op.
        allowed: Environment variables that configs may refer to.
        attempt_limit: How long an attempt may take where no one set it.
    """

    def __init__(
        self,
        ops: Ops,
        job: JobOptions,
        options: Mapping[str, OpOptions],
        allowed: Collection[str],
        attempt_limit: timedelta,
    ) -> None:
        self._ops = ops
        self._job = job
        self._options = options
        self._allowed = allowed
        self._attempt_limit = attempt_limit

    def plan(self, request: RunRequest, job_name: str | None, only_op: str | None) -> Run:
        """Plan a run.

        Args:
            request: What is asked for.
            job_name: The job, as far as known.
            only_op: The op that a ``custom`` payload is for, if it was said.

        Raises:
            PayloadError: An op is unknown, has a wrong config, or waits for one that isn't there;
                or ops wait for each other.
        """
        asked = request.ops
        if request.mode == "custom":
            asked = {only_op or self._only_op(): asked[""]}
            graph = in_order({}, asked)
        else:
            graph = _selected(self._graph(request, asked), request)
        plans = [
            self._plan_op(name, asked.get(name, OpRequest()), upstream)
            for name, upstream in graph.items()
        ]
        if not plans:
            raise PayloadError(
                "the run has no ops: its config names none, and nothing else says which there are "
                "(a job_graph in the payload, or jobs={…: JobOptions(order=…)} here)"
            )
        return Run(request.run_id, job_name, plans, request.context, request.outputs)

    def _graph(self, request: RunRequest, asked: Mapping[str, OpRequest]) -> Graph:
        if request.job_graph is not None:
            for name in asked:
                if name not in request.job_graph:
                    raise PayloadError(f"op {name!r} has a config, but is not in the job_graph")
            return in_order(request.job_graph, [])
        if self._job.order is not None:
            return in_order(self._job.order, asked)
        if len(asked) > 1:
            raise PayloadError(
                f"the payload has several ops ({_some(asked)}) and nothing says in which order "
                "they run: Dagster sorts run configs by name, and leaves ops without a config out. "
                "Let the launcher send the job_graph (payload mode full), or set "
                "jobs={…: JobOptions(order={…})} of run_dagster_worker"
            )
        return in_order({}, asked)

    def _plan_op(self, name: str, asked: OpRequest, upstream: tuple[str, ...]) -> OpPlan:
        op = self._ops.find(name)
        check_references(asked.config, self._allowed, name)
        for variable in references(asked.inputs):
            raise PayloadError(
                f"an input of op {name!r} refers to the environment variable {variable!r}; only "
                "configs may do that"
            )
        if not any(references(asked.config)):
            # With references in it, the config shows what it is where the op runs.
            validate(op.model, asked.config, name)
        general = self._options.get(name, OpOptions())
        options = self._job.ops.get(name, OpOptions()).over(general)
        return OpPlan(
            name,
            op.name,
            asked.config,
            asked.inputs,
            list(upstream),
            op.arguments,
            Retries.of(options.retry_policy),
            (options.start_to_close_timeout or self._attempt_limit).total_seconds(),
            _seconds(options.schedule_to_close_timeout),
            _seconds(options.heartbeat_timeout),
        )

    def _only_op(self) -> str:
        names = self._ops.names
        if len(names) != 1:
            raise PayloadError(
                "a custom payload names no op: say which one it is for with op=… of "
                f"run_dagster_worker; there are {', '.join(map(repr, names)) or 'none'}"
            )
        return names[0]


def _selected(graph: Graph, request: RunRequest) -> Graph:
    """The part of a graph that is to run; the outputs of the rest come from the parent run."""
    for name in graph:
        if name.endswith("[?]"):
            raise PayloadError(f"op {name!r} comes after dynamic outputs, which can't run here")
    if request.step_selection is None:
        return graph
    for name in request.step_selection:
        if name not in graph:
            raise PayloadError(
                f"op {name!r} is selected, but is not among the job's: {_some(graph)}"
            )
    return {name: graph[name] for name in graph if name in set(request.step_selection)}


def _some(names: Collection[str]) -> str:
    """Names for a message; of many, the first ones."""
    shown = [repr(name) for name in list(names)[:10]]
    return ", ".join(shown) + (f" and {len(names) - 10} more" if len(names) > 10 else "")


def _seconds(time: timedelta | None) -> float | None:
    return time.total_seconds() if time else None
