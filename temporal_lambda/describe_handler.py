"""Finds a handler's worker deployment version, in a separate process.

``python -m temporal_lambda.describe_handler module.attribute`` imports the handler as Lambda would
and prints one line of JSON: ``{"deployment_name": ..., "build_id": ...}``, or ``{"error": ...}``.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
import traceback
from types import ModuleType
from typing import Any, NoReturn

from temporalio.common import WorkerDeploymentVersion

MARK = "temporal_lambda handler "
"""How the line begins: importing a handler may print other lines."""


def describe(handler: str) -> dict[str, Any]:
    """Import a handler and describe it.

    Args:
        handler: ``module.attribute``.

    Returns:
        ``deployment_name`` and ``build_id`` (both ``None`` where no handler made by ``run_worker``
        is found in it), or ``error``.
    """
    module_name, _, attribute = handler.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except BaseException as error:
        if isinstance(error, ModuleNotFoundError) and error.name == module_name.partition(".")[0]:
            return {"error": f"there is no module {module_name!r} in {sys.path[0] or '.'}"}
        trace = "".join(traceback.format_exception(error)).rstrip()
        return {"error": f"importing {module_name!r} failed:\n{trace}"}
    if not hasattr(module, attribute):
        return {"error": f"module {module_name!r} has no {attribute!r}"}
    found = getattr(module, attribute)
    if not callable(found):
        return {"error": f"{handler} is a {type(found).__name__}, which can't be called"}
    version = _version_of(found, module)
    return {
        "deployment_name": getattr(version, "deployment_name", None),
        "build_id": getattr(version, "build_id", None),
    }


def _version_of(handler: Any, module: ModuleType) -> Any:
    """The version of a handler, or of the one that it wraps.

    A decorator or a plain function may stand around it: looked at are what it was made from
    (``functools.wraps``), what its code uses, and the names in its module, in this order. Versions
    that differ are no answer.
    """
    wrapped = [handler, inspect.unwrap(handler)]
    for candidates in (wrapped, _used_by(handler), vars(module).values()):
        versions = {
            version
            for candidate in candidates
            if isinstance(version := _own_version(candidate), WorkerDeploymentVersion)
        }
        if versions:
            return versions.pop() if len(versions) == 1 else None
    return None


def _used_by(handler: Any) -> list[Any]:
    try:
        found = inspect.getclosurevars(handler)
    except (TypeError, ValueError):
        return []  # No Python function, or one that was left half made.
    return [*found.nonlocals.values(), *found.globals.values()]


def _own_version(candidate: Any) -> Any:
    try:
        return getattr(candidate, "version", None) if callable(candidate) else None
    except Exception:
        return None  # Anything may stand in a user's module.


def main() -> NoReturn:
    """Describe the handler named on the command line; then exit, with any threads it started."""
    found = describe(sys.argv[1])
    print(f"\n{MARK}{json.dumps(found)}", flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
