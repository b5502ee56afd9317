"""What networks do to a connection, and what becomes of the workflow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from temporal_lambda.local import LocalStack
from temporal_lambda.runtime.connection import CHECK_SECONDS, TRUSTED_SECONDS
from tests.conftest import MakeFunction
from tests.server.conftest import Observe
from tests.server.lambdas import until
from tests.server.proxy import Proxy
from tests.server.scene import RETRY_DELAYS, Scene, behind_proxy, failed, ran_activity


@pytest.mark.fault("connection reset while the worker polls")
async def test_reset_while_polling(scene: Scene, observe: Observe) -> None:
    scene.service.enqueue(scene.function, b"{}", arn=None, trace_id=None)
    await scene.says("EVENT work")
    before = scene.proxy.accepted
    scene.proxy.cut()
    await until(lambda: scene.proxy.accepted > before)
    handle = await scene.start("greet", "World")
    assert await scene.result(handle) == "Hello, World!"
    record = await scene.hit(lambda record: True)
    await observe(scene, handle, record)


@pytest.mark.parametrize(
    "break_off",
    [
        pytest.param(
            Proxy.cut,
            marks=pytest.mark.fault("connection reset while an activity runs"),
            id="reset",
        ),
        pytest.param(
            Proxy.half_close,
            marks=pytest.mark.fault("connection half-closed by the server while an activity runs"),
            id="half-closed",
        ),
    ],
)
async def test_connection_that_ends_during_an_activity(
    break_off: Callable[[Proxy], None], scene: Scene, observe: Observe
) -> None:
    handle = await scene.start("hold", 1.0)
    await scene.says("EVENT holds")
    break_off(scene.proxy)
    await scene.result(handle)
    await observe(scene, handle, await scene.hit(ran_activity))


@pytest.mark.fault("network stalls for a second while an activity runs")
async def test_stall_during_an_activity(scene: Scene, observe: Observe) -> None:
    handle = await scene.start("hold", 0.5)
    await scene.says("EVENT holds")
    scene.proxy.stall()
    asyncio.get_running_loop().call_later(1.0, scene.proxy.resume)
    await scene.result(handle)
    await observe(scene, handle, await scene.hit(ran_activity))


@pytest.mark.fault("packets swallowed while an activity runs, until the server gives up on them")
async def test_blackhole_during_an_activity(scene: Scene, observe: Observe) -> None:
    handle = await scene.start("hold", 0.5, timeout=9.0)
    await scene.says("EVENT holds")
    scene.proxy.swallow()
    record = await scene.hit(ran_activity)
    # As the server does after a minute without a sign of life. Until then it may hand tasks to the
    # polls of this connection.
    scene.proxy.cut()
    await scene.result(handle)
    await observe(scene, handle, record)


@pytest.mark.fault("packets swallowed after a freeze")
async def test_blackhole_after_a_freeze(scene: Scene, observe: Observe) -> None:
    # The freeze has to be longer than a connection is trusted unchecked.
    await asyncio.sleep(TRUSTED_SECONDS)
    scene.proxy.swallow()
    handle = await scene.start("greet", "World")
    assert await scene.result(handle) == "Hello, World!"
    record = await scene.hit(ran_activity)
    assert record.report
    assert record.report["phases_ms"]["connect"] < 1000 * CHECK_SECONDS + 500
    await observe(scene, handle, record)


@pytest.mark.parametrize(
    ("break_off", "mend"),
    [
        pytest.param(
            Proxy.stall,
            Proxy.resume,
            marks=pytest.mark.fault("connecting hangs until the time is up"),
            id="hangs",
        ),
        pytest.param(
            Proxy.refuse,
            Proxy.admit,
            marks=pytest.mark.fault("server refuses connections for a while"),
            id="refused",
        ),
    ],
)
async def test_connection_that_cant_be_made(
    break_off: Callable[[Proxy], None],
    mend: Callable[[Proxy], None],
    stack: LocalStack,
    make_function: MakeFunction,
    observe: Observe,
) -> None:
    env = {"TEMPORAL_LAMBDA_REUSE_CONNECTION": "false"}
    function = make_function(
        "lifecycle.lambda_handler", seconds=5, env=env, retry_delays=RETRY_DELAYS
    )
    async with behind_proxy(stack, function) as scene:
        break_off(scene.proxy)
        handle = await scene.start("greet", "World")
        record = await scene.hit(failed)
        mend(scene.proxy)
        assert await scene.result(handle) == "Hello, World!"
        await observe(scene, handle, record)


@pytest.mark.fault("server restarts while an activity runs")
async def test_server_restarts(
    tmp_path: Path, make_function: MakeFunction, observe: Observe
) -> None:
    function = make_function("lifecycle.lambda_handler")
    async with (
        LocalStack(database=tmp_path / "temporal.db") as stack,
        behind_proxy(stack, function) as scene,
    ):
        handle = await scene.start("hold", 3.0)
        await scene.says("EVENT holds")
        await stack.restart_server()
        await scene.result(handle)
        record = await scene.hit(ran_activity)
        await observe(scene, handle, record)
