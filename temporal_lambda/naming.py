"""Names of the user's functions, for errors, logs and reports."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

WORKFLOW_DEFINITION = "__temporal_workflow_definition"
ACTIVITY_DEFINITION = "__temporal_activity_definition"
"""Where the SDK's decorators leave what they know; there is no public way to ask for a name."""


def registered_name(found: Any) -> str:
    """The name by which a workflow or an activity is registered.

    One that is dynamic has none, since it is called for whatever has no other; it is named as its
    code is, or its type: never by its ``repr``, which may show what an object holds.

    Args:
        found: A class, a function, a method, or an object that can be called.

    Example:
        >>> from temporalio import activity
        >>> @activity.defn(name="resize")
        ... def resize_image() -> None: ...
        >>> registered_name(resize_image)
        'resize'
    """
    call = getattr(found, "__call__", None)  # noqa: B004
    definitions = (
        getattr(found, WORKFLOW_DEFINITION, None),
        getattr(found, ACTIVITY_DEFINITION, None),
        getattr(call, ACTIVITY_DEFINITION, None),
    )
    definition = next(filter(None, definitions), None)
    name = getattr(definition, "name", None) or getattr(found, "__name__", None)
    return str(name or name_of(found))


def name_of(callback: Any) -> str:
    """The name of a callback; never its ``repr``, which may show arguments of a partial.

    Example:
        >>> name_of(name_of)
        'name_of'
    """
    while isinstance(callback, functools.partial):
        callback = callback.func
    return str(getattr(callback, "__qualname__", type(callback).__qualname__))


def name_abandoned(entry: Mapping[str, Any]) -> str:
    """Describe one abandoned piece of work for a log line.

    Example:
        >>> name_abandoned({"activity": "resize", "workflow_id": "w-1", "attempt": 2})
        'activity resize (workflow w-1, attempt 2)'
        >>> waits = {"activity": "resize", "workflow_id": "w-1", "attempt": 2}
        >>> name_abandoned({**waits, "waits_for_thread": True})
        'activity resize (workflow w-1, attempt 2), which no thread was free for'
        >>> name_abandoned({"hook": "flush"})
        'hook flush'
    """
    if "activity" in entry:
        waits = ", which no thread was free for" if entry.get("waits_for_thread") else ""
        return (
            f"activity {entry['activity']} "
            f"(workflow {entry['workflow_id']}, attempt {entry['attempt']}){waits}"
        )
    ((what, name),) = entry.items()
    return f"{what} {name}"
