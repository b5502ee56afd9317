"""The table of settings: names, values, defaults, and where each one goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Literal, NamedTuple, get_args

from temporalio.worker import PollerBehaviorSimpleMaximum

from temporal_lambda.cloudwatch_metrics import DIMENSIONS, NAMESPACE
from temporal_lambda.settings.values import (
    DIMENSION_SETS,
    DURATION,
    FLAG,
    IDLE_TIMEOUT,
    NAME,
    NAMESPACE_NAME,
    SECRET,
    WHOLE,
    ValueKind,
    one_of,
    whole,
)

PREFIX = "TEMPORAL_LAMBDA_"
"""The prefix of the settings' environment variables."""

Recycling = Literal["never", "poisoned", "abandoned"]
"""When to end the process of an execution environment after an invocation."""


class Setting(NamedTuple):
    """One setting.

    Attributes:
        name: Its key in ``[lambda_worker]``; :py:func:`variable` gives its environment variable.
        kind: Which values it accepts.
        default: The value if it is not set; ``None`` leaves it unset.
        about: Its description in the documentation.
        default_text: The default as the documentation shows it.
        option: The key of ``LambdaWorkerConfig.worker_config`` that it sets; ``None`` if it sets
            the attribute of ``LambdaWorkerConfig`` with its name.
        convert: Converts a value to the one stored under ``option``.
        is_part: Whether it sets neither, but a part of the worker versioning or of the credentials.
    """

    name: str
    kind: ValueKind
    default: Any
    about: str
    default_text: str
    option: str | None = None
    convert: Callable[[Any], Any] = lambda value: value
    is_part: bool = False

    def table_row(self) -> str:
        """The setting's line in the table of the documentation."""
        return f"| `{self.name}` | `{variable(self.name)}` | {self.default_text} | {self.about} |"


def variable(name: str) -> str:
    """The environment variable of a setting.

    Example:
        >>> variable("idle_timeout")
        'TEMPORAL_LAMBDA_IDLE_TIMEOUT'
    """
    # The contrib module's name for it, and Temporal's own convention.
    return "TEMPORAL_TASK_QUEUE" if name == "task_queue" else PREFIX + name.upper()


def _limit(option: str, default: int, tasks: str) -> Setting:
    about = f"how many {tasks} may run at once"
    return Setting(option, whole(1), default, about, str(default), option)


def _pollers(name: str, least: int, default: int, about: str) -> Setting:
    option = name.replace("_pollers", "_poller_behavior")
    return Setting(
        name, whole(least), default, about, str(default), option, PollerBehaviorSimpleMaximum
    )


def _secret(part: str, what: str) -> Setting:
    about = f"[where the {what} lies](secrets.md), in Secrets Manager or the Parameter Store"
    return Setting(f"{part}_secret", SECRET, None, about, "none", is_part=True)


SETTINGS: Mapping[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting("task_queue", NAME, None, "the task queue to serve", "required", "task_queue"),
        Setting(
            "idle_timeout",
            IDLE_TIMEOUT,
            None,
            "end an invocation that has nothing to do: `auto` [decides](closing.md#auto), a "
            "duration does it once no task has been in flight for this long",
            "off",
        ),
        Setting(
            "reuse_connection",
            FLAG,
            True,
            "keep the connection for the next invocation in the same execution environment",
            "`true`",
        ),
        Setting(
            "recycle_environment",
            one_of(*get_args(Recycling)),
            "poisoned",
            "when to end the process after an invocation that had to abandon something: "
            "`never`, `poisoned`, `abandoned`",
            "`poisoned`",
        ),
        Setting(
            "cloudwatch_metrics",
            FLAG,
            False,
            "print the report as CloudWatch metrics",
            "`false`",
        ),
        Setting(
            "cloudwatch_namespace",
            NAMESPACE_NAME,
            NAMESPACE,
            "the namespace of these metrics",
            f"`{NAMESPACE}`",
        ),
        Setting(
            "cloudwatch_dimensions",
            DIMENSION_SETS,
            DIMENSIONS,
            "[sets of dimensions](report.md#cloudwatch-metrics) of these metrics",
            f"`{DIMENSIONS}`",
        ),
        Setting(
            "poll_cancellation_fans_out",
            FLAG,
            False,
            "whether the server runs with `frontend.enableMatchingFanOutForPollCancellation`, so "
            "that `auto` need not stay [for the next "
            "query](closing.md#queries-and-nexus-operations)",
            "`false`",
        ),
        Setting(
            "graceful_shutdown_timeout",
            DURATION,
            timedelta(seconds=5),
            "how long activities may go on before they are cancelled",
            "5 s",
            "graceful_shutdown_timeout",
        ),
        Setting(
            "shutdown_deadline_buffer",
            DURATION,
            None,
            "how long before the deadline the shutdown begins",
            "graceful + 2 s",
        ),
        _limit("max_concurrent_activities", 2, "activities"),
        _limit("max_concurrent_workflow_tasks", 10, "workflow tasks"),
        _limit("max_concurrent_local_activities", 2, "local activities"),
        _limit("max_concurrent_nexus_tasks", 5, "Nexus tasks"),
        _pollers("workflow_task_pollers", 2, 2, "open polls for workflow tasks; at least 2"),
        _pollers("activity_task_pollers", 1, 1, "open polls for activity tasks"),
        _pollers("nexus_task_pollers", 1, 1, "open polls for Nexus tasks"),
        Setting(
            "max_cached_workflows",
            WHOLE,
            30,
            "workflows kept in memory within one invocation",
            "30",
            "max_cached_workflows",
        ),
        Setting(
            "deployment_name",
            NAME,
            None,
            "name of the worker deployment, if `run_worker` is given none",
            "from code",
            is_part=True,
        ),
        Setting(
            "build_id",
            NAME,
            None,
            "build id of the version, if `run_worker` is given none",
            "from code",
            is_part=True,
        ),
        Setting(
            "default_versioning_behavior",
            one_of("auto_upgrade", "pinned"),
            None,
            "[versioning behavior](configure.md#versioning) of workflows that declare none: "
            "`auto_upgrade`, `pinned`",
            "none",
            is_part=True,
        ),
        _secret("api_key", "API key"),
        _secret("client_cert", "client's certificate"),
        _secret("client_key", "certificate's private key"),
        _secret("server_ca", "certificate of the server's authority"),
        Setting(
            "secrets_ttl",
            DURATION,
            timedelta(minutes=5),
            "how long such a value is kept; at most half the time that two keys are valid together",
            "5 m",
            is_part=True,
        ),
    )
}
"""Every ``[lambda_worker]`` setting, by name. Defaults are the contrib module's, tuned for a small
Lambda function."""
