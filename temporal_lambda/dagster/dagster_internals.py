"""The names of Dagster that it exports from no public module, each group with its reason.

``dagster.core`` exists in YAML alone; these names can only be imported from ``dagster._core``, as
every launcher and executor outside of Dagster does. They are in one place, so that a Dagster that
moves one breaks one file, and ``tests/unit/dagster/test_dagster_internals.py``. What ``dagster``
itself exports is imported from there.
"""

from typing import TYPE_CHECKING

# A run launcher is a class of these bases, and is loaded with configuration of this kind.
from dagster._config import UserConfigSchema

# An attribute of a module -> definitions, the way ``dagster -m`` finds and loads them.
from dagster._core.code_pointer import CodePointer

# What Dagster records of an asset's inputs, which only the instance knows.
from dagster._core.definitions.data_version import (
    CODE_VERSION_TAG,
    DATA_VERSION_IS_USER_PROVIDED_TAG,
    DATA_VERSION_TAG,
    INPUT_DATA_VERSION_TAG_PREFIX,
    INPUT_EVENT_POINTER_TAG_PREFIX,
    compute_logical_data_version,
    extract_data_version_from_entry,
)

# How a job's steps and outputs are called, and what keeps outputs if nothing is said.
from dagster._core.definitions.dependency import NodeHandle
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.definitions.job_definition import (
    default_job_io_manager,
    default_job_io_manager_with_fs_io_manager_schema,
)
from dagster._core.definitions.reconstruct import initialize_repository_def_from_pointer
from dagster._core.errors import DagsterExecutionInterruptedError, DagsterLaunchFailedError

# Events that a launcher writes: what came of a run, and of steps that did not run in Dagster.
from dagster._core.events import (
    AssetObservationData,
    EngineEventData,
    JobFailureData,
    RunFailureReason,
    StepMaterializationData,
)

# Plan and execution of one step, as ``dagster api execute_step`` does it for every executor that
# runs steps somewhere else.
from dagster._core.execution.api import create_execution_plan, execute_plan_iterator
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.execution.plan.handle import StepHandle, UnresolvedStepHandle
from dagster._core.execution.plan.objects import (
    ErrorSource,
    StepFailureData,
    StepRetryData,
    StepSuccessData,
    TypeCheckData,
)
from dagster._core.execution.plan.outputs import StepOutputData, StepOutputHandle
from dagster._core.execution.plan.plan import ExecutionPlan
from dagster._core.execution.plan.state import KnownExecutionState
from dagster._core.execution.plan.step import ExecutionStep
from dagster._core.execution.retries import RetryMode
from dagster._core.launcher import (
    CheckRunHealthResult,
    LaunchRunContext,
    ResumeRunContext,
    RunLauncher,
    WorkerStatus,
)

# The executor's own config: retries and limits.
from dagster._core.system_config.objects import ResolvedRunConfig

# Dagster's own text of a run, of a state and of an event, which its storages hold, too.
from dagster._serdes import (
    ConfigurableClass,
    ConfigurableClassData,
    deserialize_value,
    serialize_value,
)
from dagster_shared.error import SerializableErrorInfo

if TYPE_CHECKING:
    # Only annotations name these, and importing them is slow.
    from dagster._core.snap import ExecutionPlanSnapshot, JobSnap

__all__ = [
    "CODE_VERSION_TAG",
    "DATA_VERSION_IS_USER_PROVIDED_TAG",
    "DATA_VERSION_TAG",
    "INPUT_DATA_VERSION_TAG_PREFIX",
    "INPUT_EVENT_POINTER_TAG_PREFIX",
    "ActiveExecution",
    "AssetObservationData",
    "CheckRunHealthResult",
    "CodePointer",
    "ConfigurableClass",
    "ConfigurableClassData",
    "DagsterExecutionInterruptedError",
    "DagsterLaunchFailedError",
    "EngineEventData",
    "ErrorSource",
    "ExecutionPlan",
    "ExecutionPlanSnapshot",
    "ExecutionStep",
    "InMemoryJob",
    "JobFailureData",
    "JobSnap",
    "KnownExecutionState",
    "LaunchRunContext",
    "NodeHandle",
    "ResolvedRunConfig",
    "ResumeRunContext",
    "RetryMode",
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
    "UnresolvedStepHandle",
    "UserConfigSchema",
    "WorkerStatus",
    "compute_logical_data_version",
    "create_execution_plan",
    "default_job_io_manager",
    "default_job_io_manager_with_fs_io_manager_schema",
    "deserialize_value",
    "execute_plan_iterator",
    "extract_data_version_from_entry",
    "initialize_repository_def_from_pointer",
    "launch_failed",
    "serialize_value",
]


def launch_failed(message: str) -> DagsterLaunchFailedError:
    """The error that tells Dagster a run could not be launched."""
    return DagsterLaunchFailedError(message)  # type: ignore[no-untyped-call] # Dagster's.
