"""Temporal workers inside AWS Lambda.

``lambda_handler = run_worker(version, configure)`` is the whole entry point.
"""

from typing import TYPE_CHECKING

from temporal_lambda.errors import (
    ConfigureError,
    ConnectError,
    DeadlineError,
    EventLoopBlockedError,
    SettingsError,
    TaskQueueError,
    TemporalLambdaError,
)
from temporal_lambda.lazy_face import lazy_face

if TYPE_CHECKING:
    from temporal_lambda.config import LambdaWorkerConfig
    from temporal_lambda.handler import run_worker
    from temporal_lambda.runtime.work_strategy import remaining_work_time
else:
    # Dagster's own processes import parts of this package, and need no worker.
    __getattr__ = lazy_face(
        __name__,
        {
            "LambdaWorkerConfig": "temporal_lambda.config",
            "remaining_work_time": "temporal_lambda.runtime.work_strategy",
            "run_worker": "temporal_lambda.handler",
        },
    )

__version__ = "0.1.0"

__all__ = [
    "ConfigureError",
    "ConnectError",
    "DeadlineError",
    "EventLoopBlockedError",
    "LambdaWorkerConfig",
    "SettingsError",
    "TaskQueueError",
    "TemporalLambdaError",
    "remaining_work_time",
    "run_worker",
]
