"""An IO manager whose outputs are kept in the workflow's history: for small ones, by an option."""

from __future__ import annotations

import base64
import os
import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from dagster import InputContext, IOManager, OutputContext, io_manager

from temporal_lambda.dagster.serving.payload_size import MAX_PAYLOAD_BYTES
from temporal_lambda.errors import RunFailedError

MAX_VALUE_BYTES = MAX_PAYLOAD_BYTES // 4
"""Of one output, pickled. A step is given all its inputs at once, and has its events beside its
outputs."""


class Values:
    """The outputs that a step is given and produces, by their names, in base64.

    Args:
        given: Those of the steps before it.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self.given = given
        self.produced: dict[str, str] = {}


_values: ContextVar[Values | None] = ContextVar("temporal_lambda_dagster_values", default=None)


@contextmanager
def values_of_step(values: Values) -> Iterator[None]:
    """A context in which ``HistoryIOManager`` reads and writes these values."""
    token = _values.set(values)
    try:
        yield
    finally:
        _values.reset(token)


class HistoryIOManager(IOManager):
    """Keeps outputs in the history of the run's workflow, pickled.

    Args:
        values: What the step is given; ``None`` where no step of a durable run is executed.
    """

    def __init__(self, values: Values | None) -> None:
        self._values = values

    def handle_output(self, context: OutputContext, obj: Any) -> None:
        """See base class."""
        data = pickle.dumps(obj)
        if len(data) > MAX_VALUE_BYTES:
            raise RunFailedError(
                f"output {_name(context)} has {len(data)} bytes, and {MAX_VALUE_BYTES} can be kept "
                "in the history: give it an IO manager that keeps it elsewhere, such as "
                "dagster_aws.s3.S3PickleIOManager"
            )
        self._known().produced[_name(context)] = base64.b64encode(data).decode()

    def load_input(self, context: InputContext) -> Any:
        """See base class."""
        output = context.upstream_output
        name = _name(output) if output else "?"
        values = self._known()
        found = values.produced.get(name) or values.given.get(name)
        if output is None or found is None:
            raise RunFailedError(
                f"output {name} is not in the history of this run: outputs that are kept there "
                "(outputs_in_history) can't be loaded by another run. Give it an IO manager that "
                "keeps it elsewhere, such as dagster_aws.s3.S3PickleIOManager"
            )
        # It was pickled by another step of this very run.
        return pickle.loads(base64.b64decode(found))

    def _known(self) -> Values:
        if self._values is None:
            raise RunFailedError("outputs are kept in the history of durable runs only")
        return self._values


@io_manager
def history_io_manager() -> HistoryIOManager:
    """Made anew for each step, by the name that ``use_for_defaults`` gives it."""
    return HistoryIOManager(_values.get())


def use_for_defaults() -> None:
    """Let outputs without an IO manager of their own be kept in the history."""
    os.environ["DAGSTER_DEFAULT_IO_MANAGER_MODULE"] = __name__
    os.environ["DAGSTER_DEFAULT_IO_MANAGER_ATTRIBUTE"] = "history_io_manager"


def _name(context: OutputContext) -> str:
    mapping = "" if context.mapping_key is None else f"[{context.mapping_key}]"
    return f"{context.step_key}.{context.name}{mapping}"
