"""The pytest plugin. pytest loads it by itself, so it imports nothing that a test does not use.

All fixtures are synchronous, so that they serve tests in pytest-asyncio's strict and auto mode,
with other runners of coroutines, and without any.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pytest

if TYPE_CHECKING:
    from temporalio.common import WorkerDeploymentVersion

    from temporal_lambda.testing.background_stack import BackgroundStack
    from temporal_lambda.testing.deployed_function import DeployedFunction
    from temporal_lambda.testing.direct import HandlerRun


class DeployFunction(Protocol):
    """Deploys a function; the fixture ``deploy_function``."""

    def __call__(
        self,
        handler: str,
        code: str | Path | None = None,
        *,
        name: str | None = None,
        version: WorkerDeploymentVersion | None = None,
        **options: Any,
    ) -> DeployedFunction:
        """Deploy a function, and block until workflows are routed to it.

        Args:
            handler: ``module.attribute``, as in Lambda's setting.
            code: The directory with its code; pytest's root directory by default.
            name: The function's name; by default the handler's.
            version: Its worker deployment version; needed only for a handler that does not know it.
            options: Further ones of :py:class:`temporal_lambda.local.Function`, such as
                ``environment`` and ``timeout``.
        """


class InvokeHandler(Protocol):
    """Calls a handler in the test's process; the fixture ``invoke_handler``."""

    def __call__(
        self,
        handler: Any,
        event: Any = None,
        *,
        code: str | Path | None = None,
        timeout: timedelta = timedelta(seconds=30),
        check: bool = True,
    ) -> HandlerRun:
        """Call a handler with a real Lambda context and a deadline.

        Args:
            handler: The handler; or ``module.attribute``, which is imported with the address of the
                fixture ``local_stack``, and gets the workflows of its task queue.
            event: The event; ``{}`` by default.
            code: The directory with its code, if it is named; pytest's root directory by default.
            timeout: Time until the deadline.
            check: Whether an error of the handler is raised.
        """


@pytest.fixture(scope="session")
def local_stack() -> Iterator[BackgroundStack]:
    """A Temporal server and a Lambda service, in a thread of their own, for the whole session."""
    from temporal_lambda.testing.background_stack import BackgroundStack

    with BackgroundStack() as stack:
        yield stack


@pytest.fixture(scope="session")
def deploy_function(local_stack: BackgroundStack, pytestconfig: pytest.Config) -> DeployFunction:
    """Deploys functions to ``local_stack``; one that is deployed as it was is not deployed anew."""
    from temporal_lambda.testing.background_stack import function_of

    deployed: dict[str, tuple[Any, DeployedFunction]] = {}

    def deploy(
        handler: str,
        code: str | Path | None = None,
        *,
        name: str | None = None,
        version: WorkerDeploymentVersion | None = None,
        **options: Any,
    ) -> DeployedFunction:
        function = function_of(handler, pytestconfig.rootpath / (code or ""), name, **options)
        asked, found = deployed.get(function.name, (None, None))
        if found is None or asked != (function, version):
            found = local_stack.deploy_and_wait(function, version)
            deployed[function.name] = (function, version), found
        return found

    return deploy


@pytest.fixture
def invoke_handler(request: pytest.FixtureRequest) -> InvokeHandler:
    """Calls a handler in the test's own process."""
    from temporal_lambda.testing import direct

    def invoke(
        handler: Any,
        event: Any = None,
        *,
        code: str | Path | None = None,
        timeout: timedelta = timedelta(seconds=30),
        check: bool = True,
    ) -> HandlerRun:
        if not isinstance(handler, str):
            direct.require_callable(handler)
            return direct.invoke_handler(handler, event, timeout=timeout, check=check)
        stack: BackgroundStack = request.getfixturevalue("local_stack")
        with stack.imported(handler, request.config.rootpath / (code or "")) as found:
            return direct.invoke_handler(found, event, timeout=timeout, check=check)

    return invoke
