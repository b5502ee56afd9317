"""Deploys that fail: each says why, and another run mends it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys

import pytest

from temporal_lambda.worker_deployment import set_ramping
from tests.support.aws_account import Account
from tests.support.builds import HANDLER, WORKFLOWS, Builds
from tests.support.gateway import Gateway


async def test_controller_that_may_not_invoke_is_told_in_awss_words(
    builds: Builds, account: Account
) -> None:
    archive = builds.package("1.0")
    account.refuse_invocations = "denied"
    refused = await builds.deploy(archive)
    assert refused.code == 1
    assert "is not authorized to perform: lambda:InvokeFunction" in refused.output
    assert f"on both arn:aws:lambda:us-east-1:123456789012:function:{builds.name} and" in (
        refused.output
    )
    assert f"done: function {builds.name}, version of {builds.name}" in refused.output
    assert "to go on: mend that and run the same command again" in refused.output
    assert "to go back: nothing to do, since new workflows go where they went" in refused.output
    account.refuse_invocations = None
    account.writes.clear()
    mended = await builds.deploy(archive)
    assert mended.code == 0, mended.output
    assert account.writes == [], "all that AWS has to have was there"


async def test_throttled_function_is_told(builds: Builds, account: Account) -> None:
    archive = builds.package("1.0")
    account.refuse_invocations = "throttled"
    refused = await builds.deploy(archive, "--bind-timeout", "10s")
    assert refused.code == 1
    assert "Rate Exceeded" in refused.output
    assert "raise the function's reserved concurrency" in refused.output
    account.refuse_invocations = None
    assert (await builds.deploy(archive)).code == 0


async def test_wrong_external_id_is_told(builds: Builds) -> None:
    archive = builds.package("1.0")
    refused = await builds.deploy(archive, "--external-id", "another")
    assert refused.code == 1
    assert "sts:ExternalId is the value of --external-id" in refused.output
    assert (await builds.deploy(archive)).code == 0


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("raise RuntimeError('no such table')", "the handler raised an error"),
        ("pass", "the function ended with TaskQueueError"),
    ],
)
async def test_handler_that_does_not_serve_is_told_from_its_log(
    builds: Builds, line: str, reason: str
) -> None:
    broken = HANDLER.replace('config.worker_config["task_queue"] = QUEUE', line)
    failed = await builds.deploy(builds.package("1.0", broken), "--bind-timeout", "6s")
    assert failed.code == 1
    assert "served no task queue within 6 s" in failed.output
    assert reason in failed.output, failed.output
    if "raise" in line:
        assert "no such table" in failed.output
    assert (await builds.status())["current"] is None
    mended = await builds.deploy(builds.package("1.0"))
    assert mended.code == 0, mended.output


async def test_handler_that_is_another_build_in_lambda_is_told(builds: Builds) -> None:
    elsewhere = WORKFLOWS.replace('"{build}"', '__import__("os").environ.get("BUILD", "{build}")')
    archive = builds.package("1.0", workflows=elsewhere)
    failed = await builds.deploy(archive, "--env", "BUILD=elsewhere", "--bind-timeout", "6s")
    assert failed.code == 1
    assert "a worker polls as build elsewhere" in failed.output


async def test_build_with_other_code_is_refused_before_anything_is_uploaded(
    builds: Builds, account: Account
) -> None:
    assert (await builds.deploy(builds.package("1.0"))).code == 0
    account.writes.clear()
    other = builds.package("1.0", workflows=WORKFLOWS + "\n# changed")
    refused = await builds.deploy(other)
    assert refused.code == 1
    assert "build 1.0 of" in refused.output
    assert "is out already, with other code" in refused.output
    assert account.writes == []


async def test_build_with_another_configuration_is_pointed_at_it_only_on_demand(
    builds: Builds,
) -> None:
    archive = builds.package("1.0")
    assert (await builds.deploy(archive)).code == 0
    refused = await builds.deploy(archive, "--memory", "1024")
    assert refused.code == 1
    assert "would change MemorySize: use another build id, or pass --repoint" in refused.output
    assert (await builds.deploy(archive, "--memory", "1024", "--repoint")).code == 0
    (build,) = (await builds.status())["builds"]
    assert build["function"].endswith(":2")


async def test_build_that_lacks_a_task_queue_is_refused_unless_that_is_meant(
    builds: Builds,
) -> None:
    assert (await builds.deploy(builds.package("1.0"))).code == 0
    other = builds.package("2.0", workflows=WORKFLOWS.replace('"{name}"', '"{name}-other"'))
    refused = await builds.deploy(other)
    assert refused.code == 1
    assert f"lacks task queues of the current build 1.0: {builds.name}. Work on" in refused.output
    assert (await builds.status())["current"] == "1.0"
    assert (await builds.deploy(other, "--ignore-missing-task-queues")).code == 0
    assert (await builds.status())["current"] == "2.0"


async def test_interrupted_deploy_goes_on_where_it_was(builds: Builds, account: Account) -> None:
    archive = builds.package("1.0")
    account.refuse_path = "/event-invoke-config"
    interrupted = await builds.deploy(archive)
    assert interrupted.code == 1
    assert "can't be set: AccessDeniedException" in interrupted.output
    assert "needs permission for PutFunctionEventInvokeConfig" in interrupted.output
    assert interrupted.outcomes[f"event delivery of {builds.name}:1"] == "failed"
    account.refuse_path = None
    resumed = await builds.deploy(archive, "--json")
    assert resumed.code == 0, resumed.output
    outcomes = {step["what"]: step["outcome"] for step in json.loads(resumed.output)["steps"]}
    assert outcomes[f"code of {builds.name}"] == "unchanged"
    assert outcomes[f"version 1 of {builds.name}"] == "unchanged"
    assert outcomes[f"event delivery of {builds.name}:1"] == "done"


async def test_deploy_that_is_stopped_says_how_far_it_came_and_goes_on_from_there(
    builds: Builds, account: Account
) -> None:
    archive = builds.package("1.0")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "temporal_lambda.cli", *builds.deploy_command(archive)),
        env={**os.environ, **account.environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )

    async def ctrl_c() -> None:
        process.send_signal(signal.SIGINT)
        # For good: whoever waits for the answer is interrupted.
        await asyncio.sleep(0.5)

    account.before["CreateWorkerDeploymentVersion"] = ctrl_c
    output = (await process.communicate())[0].decode()
    assert process.returncode == 1, output
    assert "Error: it was interrupted" in output
    assert f"done: function {builds.name}, version of {builds.name}, event delivery of" in output
    assert (await builds.deploy(archive)).code == 0
    assert await builds.workflow() == "1.0"


async def test_function_that_is_slow_to_become_ready_is_waited_for(
    builds: Builds, account: Account
) -> None:
    account.slow_answers = 2
    assert (await builds.deploy(builds.package("1.0"))).code == 0
    assert account.slow_answers == 0


async def test_routing_that_somebody_else_has_changed_meanwhile_is_left_alone(
    builds: Builds, account: Account
) -> None:
    for build in ("1.0", "2.0"):
        assert (await builds.deploy(builds.package(build))).code == 0
    archive = builds.package("3.0")

    async def somebody_else() -> None:
        await set_ramping(builds.client, builds.name, "1.0", 10)

    account.before["SetWorkerDeploymentCurrentVersion"] = somebody_else
    refused = await builds.deploy(archive)
    assert refused.code == 1
    assert "Somebody else has changed the routing" in refused.output
    status = await builds.status()
    assert (status["current"], status["ramping"]) == ("2.0", "1.0")
    assert (await builds.deploy(archive)).code == 0
    assert (await builds.status())["current"] == "3.0"


async def test_ramp_needs_a_current_build(builds: Builds, account: Account) -> None:
    account.writes.clear()
    refused = await builds.deploy(builds.package("1.0"), "--ramp", "10")
    assert refused.code == 1
    assert "deploy the first one without --ramp" in refused.output
    assert account.writes == []


async def test_ended_ramp_leaves_the_current_build(builds: Builds) -> None:
    assert (await builds.deploy(builds.package("1.0"))).code == 0
    assert (await builds.deploy(builds.package("2.0"), "--ramp", "10")).code == 0
    ended = await builds.run("rollback", builds.name)
    assert ended.code == 0
    assert ended.outcomes == {"ramp to build 2.0": "done"}
    status = await builds.status()
    assert (status["current"], status["ramping"]) == ("1.0", None)


async def test_key_that_is_refused_is_told_and_not_shown(builds: Builds, account: Account) -> None:
    key = "key-that-nobody-may-see"
    async with Gateway(account.temporal.address, "another key") as gateway:
        variables = {
            "TEMPORAL_ADDRESS": gateway.address,
            "TEMPORAL_API_KEY": key,
            "TEMPORAL_TLS": "false",
        }
        for command in ("status", "check", "rollback"):
            refused = await builds.run(command, builds.name, **variables)
            assert refused.code == 1
            assert f"the Temporal server at {gateway.address}, namespace" in refused.output
            assert "refuses" in refused.output
            assert key not in refused.output


async def test_deployment_that_does_not_exist_is_told(builds: Builds) -> None:
    for command in ("status", "rollback", "clean-up"):
        refused = await builds.run(command, "nowhere")
        assert refused.code == 1
        assert "there is no worker deployment nowhere in namespace default" in refused.output
