"""TLS, client certificates and API keys: through to the server, and never into a log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from temporal_lambda.local import InvocationRecord, LocalStack
from tests.support.certificates import Certificates
from tests.support.gateway import Gateway
from tests.support.lambdas import Deploy, Invoke, MakeFunction, rest
from tests.support.proxy import Proxy

HANDLER = "lifecycle.lambda_handler"
KEY = "key-that-nobody-may-see"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def key_file_content(certificates: Certificates) -> str:
    return certificates.client_key.read_text().splitlines()[1]


async def run_greeting(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy, env: Mapping[str, str]
) -> InvocationRecord:
    """Deploy, run one workflow and come to rest; the invocation that ran it."""
    deployed = await deploy(make_function(HANDLER, env=env))
    result = await stack.client.execute_workflow(
        "RunActivity",
        args=["greet", "World", 10.0],
        id=deployed.task_queue,
        task_queue=deployed.task_queue,
    )
    assert result == "Hello, World!"
    await rest(stack, deployed)
    return await stack.service.wait_for_record(
        lambda r: r.function == deployed.function.name and bool(r.report and r.report["busy_ms"]),
        20,
    )


async def test_worker_serves_a_task_queue_through_tls_with_a_client_certificate(
    certificates: Certificates, stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    tls = certificates.server(wants_client_certificate=True)
    async with Proxy(stack.temporal_address, tls=tls) as proxy:
        env = {"TEMPORAL_ADDRESS": proxy.address, **certificates.settings(client=True)}
        record = await run_greeting(stack, make_function, deploy, env)
        assert record.status == "success"
        # The controller may have found that one invocation was not enough.
        assert proxy.accepted == len(stack.service.environments(record.function))


@pytest.mark.parametrize("fault", ["no client certificate", "unknown authority", "plain text"])
async def test_tls_that_fails_is_told_without_a_key(
    fault: str,
    certificates: Certificates,
    tmp_path: Path,
    stack: LocalStack,
    make_function: MakeFunction,
    invoke: Invoke,
) -> None:
    settings = {
        "no client certificate": certificates.settings(),
        "unknown authority": Certificates(tmp_path).settings(client=True),
        "plain text": {},
    }[fault]
    tls = certificates.server(wants_client_certificate=True)
    async with Proxy(stack.temporal_address, tls=tls) as proxy:
        env = {"TEMPORAL_ADDRESS": proxy.address, **settings}
        record = await invoke(make_function(HANDLER, env=env))
        assert record.error
        assert record.error.startswith(
            f"ConnectError: the Temporal server at {proxy.address}, namespace default, can't be "
            "reached: "
        )
    assert record.error.endswith("Check the address, the security group or VPC route, and TLS.")
    assert key_file_content(certificates) not in "\n".join(record.log)


async def test_worker_serves_a_task_queue_by_api_key_and_the_key_stays_unseen(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    async with Gateway(stack.temporal_address, KEY) as gateway:
        env = {"TEMPORAL_ADDRESS": gateway.address, "TEMPORAL_API_KEY": KEY}
        record = await run_greeting(stack, make_function, deploy, env)
        assert gateway.admitted > 3
        assert gateway.refused == 0
    everything = [line for found in stack.service.records for line in found.log]
    assert KEY not in "\n".join(everything)
    workflow_id = record.function
    history = await stack.client.get_workflow_handle(workflow_id).fetch_history()
    assert KEY not in history.to_json()


async def test_refused_api_key_is_told_without_the_key_even_if_the_server_repeats_it(
    stack: LocalStack, make_function: MakeFunction, invoke: Invoke
) -> None:
    async with Gateway(stack.temporal_address, "another key") as gateway:
        env = {"TEMPORAL_ADDRESS": gateway.address, "TEMPORAL_API_KEY": KEY}
        record = await invoke(make_function(HANDLER, env=env))
        assert gateway.refused >= 1
        assert record.error
        assert f"server at {gateway.address}, namespace default, refuses this" in record.error
    assert "not known: Bearer *** (Unauthenticated)" in record.error
    assert "Check the API key or the client certificate" in record.error
    assert KEY not in "\n".join(record.log)


async def test_key_that_is_revoked_between_invocations_is_one_clear_error(
    stack: LocalStack, make_function: MakeFunction, invoke: Invoke
) -> None:
    async with Gateway(stack.temporal_address, KEY) as gateway:
        env = {"TEMPORAL_ADDRESS": gateway.address, "TEMPORAL_API_KEY": KEY}
        function = make_function(HANDLER, env=env)
        assert (await invoke(function)).status == "success"
        gateway.api_key = "another key"
        record = await invoke(function)
        assert record.error
        assert "refuses this worker" in record.error
        # The SDK's core has a log of its own, and repeats what this server says.
        assert KEY not in record.error
        assert record.report
        assert len(record.report["errors"]) == 1


async def test_namespace_that_does_not_exist_is_named(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    record = await invoke(make_function(HANDLER, env={"TEMPORAL_NAMESPACE": "nowhere"}))
    assert record.error
    assert ", namespace nowhere, can't be used: " in record.error
    assert "Namespace nowhere is not found. (NotFound). Check the namespace's name" in record.error
    assert record.report
    assert len(record.report["errors"]) == 1
    assert events_after_connect(record) == ["hook", "released", "teardown"]


def events_after_connect(record: InvocationRecord) -> list[str]:
    lines = [line.removeprefix("EVENT ") for line in record.log if line.startswith("EVENT ")]
    return lines[lines.index("drained") + 1 :]
