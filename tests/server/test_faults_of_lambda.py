"""What Lambda does to invocations, and what becomes of the workflow."""

from __future__ import annotations

import pytest

from temporal_lambda.local import LocalStack
from tests.conftest import MakeFunction
from tests.server.conftest import Observe
from tests.server.scene import RETRY_DELAYS, Scene, behind_proxy, failed, ran_activity


@pytest.mark.fault("Invoke throttled twice")
async def test_throttled_invoke(scene: Scene, observe: Observe) -> None:
    scene.service.throttle_requests(2)
    handle = await scene.start("greet", "World")
    assert await scene.result(handle) == "Hello, World!"
    assert scene.service.throttled_requests == 2
    await observe(scene, handle, await scene.hit(ran_activity))


@pytest.mark.fault("Event delivered twice")
async def test_event_delivered_twice(scene: Scene, observe: Observe) -> None:
    handle = await scene.start("hold", 0.5)
    for _ in range(2):
        scene.service.enqueue(scene.function, b"{}", arn=None, trace_id=None)
    await scene.result(handle)
    await scene.rests()
    assert len(scene.records) >= 2
    assert {record.status for record in scene.records} == {"success"}
    await observe(scene, handle, await scene.hit(ran_activity))


@pytest.mark.fault("handler fails, Lambda delivers the Event again")
async def test_event_of_a_failed_invocation(
    stack: LocalStack, make_function: MakeFunction, observe: Observe
) -> None:
    function = make_function(
        "lifecycle.lambda_handler", env={"SCENARIO": "raises_second"}, retry_delays=RETRY_DELAYS
    )
    async with behind_proxy(stack, function) as scene:
        handle = await scene.start("greet", "World")
        assert await scene.result(handle) == "Hello, World!"
        await observe(scene, handle, await scene.hit(failed))
