"""What a run launcher is made of and Dagster exports from no public module.

``dagster.core`` exists in YAML alone; these names can only be imported from ``dagster._core``, as
every launcher outside of Dagster does. They are in one place, so that a Dagster that moves one
breaks one file. What ``dagster`` itself exports is imported from there.
"""

from typing import TYPE_CHECKING

from dagster._config import UserConfigSchema
from dagster._core.errors import DagsterLaunchFailedError
from dagster._core.events import (
    AssetObservationData,
    EngineEventData,
    JobFailureData,
    RunFailureReason,
    StepMaterializationData,
)
from dagster._core.execution.plan.handle import StepHandle
from dagster._core.execution.plan.objects import (
    ErrorSource,
    StepFailureData,
    StepRetryData,
    StepSuccessData,
    TypeCheckData,
)
from dagster._core.execution.plan.outputs import StepOutputData, StepOutputHandle
from dagster._core.launcher import (
    CheckRunHealthResult,
    LaunchRunContext,
    ResumeRunContext,
    RunLauncher,
    WorkerStatus,
)
from dagster._serdes import ConfigurableClass, ConfigurableClassData
from dagster_shared.error import SerializableErrorInfo

if TYPE_CHECKING:
    # Only annotations name these, and importing them is slow.
    from dagster._core.snap import ExecutionPlanSnapshot, JobSnap

__all__ = [
    "AssetObservationData",
    "CheckRunHealthResult",
    "ConfigurableClass",
    "ConfigurableClassData",
    "DagsterLaunchFailedError",
    "EngineEventData",
    "ErrorSource",
    "ExecutionPlanSnapshot",
    "JobFailureData",
    "JobSnap",
    "LaunchRunContext",
    "ResumeRunContext",
    "RunFailureReason",
    "RunLauncher",
    "SerializableErrorInfo",
    "StepFailureData",
    "StepHandle",
    "StepMaterializationData",
    "StepOutputData",
    "StepOutputHandle",
    "StepRetryData",
    "StepSuccessData",
    "TypeCheckData",
    "UserConfigSchema",
    "WorkerStatus",
    "launch_failed",
]


def launch_failed(message: str) -> DagsterLaunchFailedError:
    """The error that tells Dagster a run could not be launched."""
    return DagsterLaunchFailedError(message)  # type: ignore[no-untyped-call] # Dagster's.
