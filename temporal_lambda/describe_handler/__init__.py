"""Which worker deployment version a handler is, and what it would serve.

Importing a handler runs its module, so others run this as a program, in a process of its own.
"""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from types import ModuleType
from typing import Any

from temporalio.common import WorkerDeploymentVersion

MARK = "temporal_lambda handler "
"""How the line begins: importing a handler may print other lines."""


def describe(handler: str, *, configuration: bool = False) -> dict[str, Any]:
    """Import a handler and describe it.

    Args:
        handler: ``module.attribute``.
        configuration: Whether to run its configure callback, too.

    Returns:
        ``deployment_name`` and ``build_id`` (both ``None`` where no handler made by ``run_worker``
        is found in it) and ``connects``, whether it is one that needs a Temporal server; or
        ``error``. If it was asked for, also ``configuration``, or ``configuration_error``.
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
    made = _made_by_us(found, module)
    version = _own_version(made)
    described = {
        "deployment_name": getattr(version, "deployment_name", None),
        "build_id": getattr(version, "build_id", None),
        "connects": bool(getattr(made, "connects", False)),
    }
    environment = getattr(made, "environment", None)
    return described | (_configuration(environment) if configuration and environment else {})


def _configuration(environment: Any) -> dict[str, Any]:
    from temporal_lambda.describe_handler.configuration import describe_configuration

    try:
        return {"configuration": describe_configuration(environment)}
    except BaseException as error:
        text = traceback.format_exception_only(type(error), error)[-1].strip()
        return {"configuration_error": text}


def _made_by_us(handler: Any, module: ModuleType) -> Any:
    """A handler, or the one that it wraps; ``None`` if ``run_worker`` has made neither.

    A decorator or a plain function may stand around it: looked at are what it was made from
    (``functools.wraps``), what its code uses, and the names in its module, in this order. Versions
    that differ are no answer.
    """
    wrapped = [handler, inspect.unwrap(handler)]
    for candidates in (wrapped, _used_by(handler), vars(module).values()):
        made = {
            version: candidate
            for candidate in candidates
            if isinstance(version := _own_version(candidate), WorkerDeploymentVersion)
        }
        if made:
            return next(iter(made.values())) if len(made) == 1 else None
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
