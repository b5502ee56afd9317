"""The task queues that one function serves, each by a worker of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.errors import SettingsError
from temporal_lambda.naming import registered_name

OWN = ("task_queue", "workflows", "activities", "nexus_service_handlers")
"""The worker options that a further worker does not take over from the first one."""

OF_ALL = ("deployment_config", "identity")
"""The worker options that are the same for all workers of a function."""


def worker_configs(config: LambdaWorkerConfig) -> list[dict[str, Any]]:
    """The options of all workers, the first one's first, each complete.

    Args:
        config: As the callback has left it.

    Example:
        >>> config = LambdaWorkerConfig(worker_config={"task_queue": "a", "workflows": []})
        >>> config.more_workers.append({"task_queue": "b", "activities": []})
        >>> worker_configs(config)[1]
        {'task_queue': 'b', 'activities': []}
    """
    first = dict(config.worker_config)
    shared = {option: value for option, value in first.items() if option not in OWN}
    return [first, *({**shared, **cast(dict[str, Any], more)} for more in config.more_workers)]


def what_is_served(worker_config: Mapping[str, Any]) -> dict[str, Any]:
    """The task queue of a worker and what is registered with it, by the names it has there.

    Args:
        worker_config: The worker's options.

    Example:
        >>> what_is_served({"task_queue": "a", "activities": [print]})
        {'task_queue': 'a', 'workflows': [], 'activities': ['print']}
    """
    return {
        "task_queue": worker_config.get("task_queue"),
        "workflows": [registered_name(one) for one in worker_config.get("workflows") or []],
        "activities": [registered_name(one) for one in worker_config.get("activities") or []],
    }


def check_more_workers(config: LambdaWorkerConfig) -> None:
    """Each worker needs a task queue that no other one has.

    Args:
        config: As the callback has left it.

    Raises:
        SettingsError: What is wrong with which of them.
    """
    taken = {config.worker_config.get("task_queue")}
    for number, more in enumerate(config.more_workers):
        where = f"more_workers[{number}]"
        if not isinstance(more, dict):
            raise SettingsError(
                f"{where} must be a dict of worker options; got {type(more).__name__}"
            )
        queue: Any = more.get("task_queue")
        if not isinstance(queue, str) or not queue.strip():
            raise SettingsError(f'{where}["task_queue"] must be a name; got {queue!r}')
        if queue in taken:
            raise SettingsError(
                f"{where} polls task queue {queue!r}, which another worker of this function polls"
            )
        if fixed := [option for option in OF_ALL if option in more]:
            raise SettingsError(
                f"{where} sets {fixed[0]}, which is the same for all workers of a function"
            )
        taken.add(queue)
