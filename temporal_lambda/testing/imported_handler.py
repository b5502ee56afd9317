"""Imports a handler into this process, so that it connects to a test's own Temporal server."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.errors import WorkerDeploymentError
from temporal_lambda.local import LocalStackError
from temporal_lambda.worker_deployment import set_current

PAUSE = 0.1
"""Seconds between two tries to make a version current that has not polled yet."""

_imported: dict[str, str] = {}
"""The modules imported here, and the server each was imported for."""


def import_handler(name: str, code: Path | None, environment: Mapping[str, str]) -> Any:
    """Import a handler.

    It reads its settings when it is imported, so that has to happen here.

    Args:
        name: ``module.attribute``.
        code: Its code; a folder for ``sys.path``, where it stays.
        environment: The variables to import it with, ``TEMPORAL_ADDRESS`` among them.

    Raises:
        LocalStackError: There is no such handler, or the test has imported its module before.
    """
    module_name, _, attribute = name.rpartition(".")
    if code and str(code) not in sys.path:
        sys.path.insert(0, str(code))
    address = environment["TEMPORAL_ADDRESS"]
    if module_name in sys.modules and _imported.get(module_name) != address:
        raise LocalStackError(
            f"module {module_name} has been imported already, with other settings than this test's "
            "server: import it after this call, or in the test"
        )
    with _set(environment):
        handler = getattr(importlib.import_module(module_name), attribute, None)
    _imported[module_name] = address
    if not callable(handler):
        raise LocalStackError(f"module {module_name} has no handler {attribute!r}")
    return handler


async def make_current_once_it_polls(client: Client, handler: Callable[[Any, Any], Any]) -> None:
    """Route workflows to a handler's version as soon as the server knows it."""
    version = getattr(handler, "version", None)
    if not isinstance(version, WorkerDeploymentVersion):
        return
    while True:
        try:
            await set_current(client, version, ignore_missing_task_queues=True)
            return
        except WorkerDeploymentError:
            await asyncio.sleep(PAUSE)


@contextmanager
def _set(environment: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(environment)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
