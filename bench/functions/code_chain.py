"""A job of ten steps that do nothing, one after the other."""

import os
import tempfile
from typing import Any

import dagster as dg

STEPS = 10


@dg.op
def step(before: list[Any]) -> int:
    return len(before)


@dg.job
def chain() -> None:
    before: list[Any] = []
    for number in range(STEPS):
        before = [step.alias(f"step_{number}")(before)]


defs = dg.Definitions(
    jobs=[chain],
    resources={
        "io_manager": dg.FilesystemIOManager(
            base_dir=os.environ.get("OUTPUTS", tempfile.gettempdir())
        )
    },
)
