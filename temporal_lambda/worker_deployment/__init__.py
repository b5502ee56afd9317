"""Worker deployment versions on the server: registered, bound, routed to, listed.

What a deploy registers and waits for, here and in production. It needs a connected
:py:class:`temporalio.client.Client` and nothing of AWS, so pipelines of your own can use it.

Example:
    ```python
    from temporal_lambda.worker_deployment import set_current, wait_until_routed

    await set_current(client, version)
    await wait_until_routed(client, version.deployment_name)
    await client.start_workflow("Greeting", "World", id="1", task_queue="greetings")
    ```
"""

from temporal_lambda.worker_deployment.binding import wait_until_bound
from temporal_lambda.worker_deployment.registration import Compute, register
from temporal_lambda.worker_deployment.routing import set_current, set_ramping, wait_until_routed
from temporal_lambda.worker_deployment.states import (
    DeploymentState,
    VersionState,
    describe_deployment,
    describe_version,
)

__all__ = [
    "Compute",
    "DeploymentState",
    "VersionState",
    "describe_deployment",
    "describe_version",
    "register",
    "set_current",
    "set_ramping",
    "wait_until_bound",
    "wait_until_routed",
]
