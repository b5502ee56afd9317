"""Finds a handler's worker deployment version, in a separate process.

``python -m temporal_lambda.describe_handler module.attribute`` imports the handler as Lambda would
and prints one line of JSON: ``{"deployment_name": ..., "build_id": ...}``, or ``{"error": ...}``.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from typing import Any, NoReturn

MARK = "temporal_lambda handler "
"""How the line begins: importing a handler may print other lines."""


def describe(handler: str) -> dict[str, Any]:
    """Import a handler and describe it.

    Args:
        handler: ``module.attribute``.

    Returns:
        ``deployment_name`` and ``build_id`` (both ``None`` for a handler not made by
        ``run_worker``), or ``error``.
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
    version = getattr(found, "version", None)
    return {
        "deployment_name": getattr(version, "deployment_name", None),
        "build_id": getattr(version, "build_id", None),
    }


def main() -> NoReturn:
    """Describe the handler named on the command line; then exit, with any threads it started."""
    found = describe(sys.argv[1])
    print(f"\n{MARK}{json.dumps(found)}", flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
