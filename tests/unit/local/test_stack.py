"""What a stack refuses before it asks the server."""

from __future__ import annotations

import pytest
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.local import LocalStack
from temporal_lambda.local.errors import LocalStackError


def test_two_functions_cant_take_a_version_from_each_other() -> None:
    stack, version = LocalStack(), WorkerDeploymentVersion("orders", "1")
    stack._take(version, "first")
    stack._take(version, "first")
    stack._take(WorkerDeploymentVersion("invoices", "1"), "second")
    with pytest.raises(LocalStackError, match="function first serves version 1 of orders already"):
        stack._take(version, "second")
