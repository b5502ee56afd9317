"""Dagster runs in Lambda: the serving side here, the launching side in Dagster's own process.

``run_dagster_worker`` makes a Lambda handler whose ops are Temporal activities;
``run_dagster_code`` one that executes the jobs of a code location, whose package holds dagster.
``LambdaRunLauncher`` is what ``dagster.yaml`` names to send runs there; it needs the extra
``dagster``. Neither side imports what only the other needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporal_lambda.lazy_face import lazy_face

if TYPE_CHECKING:
    from temporal_lambda.dagster.code.handler import run_dagster_code
    from temporal_lambda.dagster.serving.handler import run_dagster_worker
    from temporal_lambda.dagster.serving.options import JobOptions, OpOptions
    from temporal_lambda.dagster.serving.plan import OpPlan, Run
    from temporal_lambda.dagster.serving.run_context import (
        OpContext,
        RunContext,
        dagster_run,
        op_context,
    )
else:
    # Importing the launcher imports this package, and must not load the serving side.
    __getattr__ = lazy_face(
        __name__,
        {
            "OpContext": "temporal_lambda.dagster.serving.run_context",
            "RunContext": "temporal_lambda.dagster.serving.run_context",
            "dagster_run": "temporal_lambda.dagster.serving.run_context",
            "op_context": "temporal_lambda.dagster.serving.run_context",
            "JobOptions": "temporal_lambda.dagster.serving.options",
            "OpOptions": "temporal_lambda.dagster.serving.options",
            "OpPlan": "temporal_lambda.dagster.serving.plan",
            "Run": "temporal_lambda.dagster.serving.plan",
            "run_dagster_code": "temporal_lambda.dagster.code.handler",
            "run_dagster_worker": "temporal_lambda.dagster.serving.handler",
        },
    )

__all__ = [
    "JobOptions",
    "OpContext",
    "OpOptions",
    "OpPlan",
    "Run",
    "RunContext",
    "dagster_run",
    "op_context",
    "run_dagster_code",
    "run_dagster_worker",
]
