"""A program that imports the modules of a document and calls what they have for ``configure``.

Each of its arguments is the name of a module in the working directory. What is wrong is printed.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from types import ModuleType
from typing import Any

from temporalio.common import WorkerDeploymentVersion

from temporal_lambda import run_worker
from temporal_lambda.describe_handler.configuration import describe_configuration


def main() -> None:
    """Import them all."""
    sys.path.insert(0, os.getcwd())
    failed = False
    for name in sys.argv[1:]:
        try:
            try_out(importlib.import_module(name))
        except BaseException:
            failed = True
            print(name, traceback.format_exc(), flush=True)
    # Telemetry that a page has set up would look for its collector first.
    os._exit(1 if failed else 0)


def try_out(module: ModuleType) -> None:
    """Call the callback of a module as an invocation does, with its teardown."""
    if configure := getattr(module, "configure", None):
        version = WorkerDeploymentVersion(deployment_name="documents", build_id="1")
        handler: Any = run_worker(version, configure)
        describe_configuration(handler.environment)


if __name__ == "__main__":
    main()
