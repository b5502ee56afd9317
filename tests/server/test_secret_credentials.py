"""Credentials from Secrets Manager and Parameter Store: fetched, rotated, revoked, unseen."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from temporal_lambda.local import InvocationRecord, LocalStack
from tests.support.certificates import Certificates
from tests.support.gateway import Gateway
from tests.support.lambdas import Deploy, Invoke, MakeFunction, rest
from tests.support.otlp import receiving, silence
from tests.support.proxy import Proxy
from tests.support.waiting import until

OLD, NEW = "old-key-that-nobody-may-see", "new-key-that-nobody-may-see"
IN_CODE, BY_SETTINGS = "secret_key.lambda_handler", "lifecycle.lambda_handler"


class Store:
    """Secrets Manager and Parameter Store, of moto's."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        options = {
            "endpoint_url": endpoint,
            "region_name": "us-east-1",
            "aws_access_key_id": "local",
            "aws_secret_access_key": "local",
        }
        self._secrets = boto3.client("secretsmanager", **options)
        self._parameters = boto3.client("ssm", **options)
        for name in ("temporal", "mtls"):
            self._secrets.create_secret(Name=name, SecretString="{}")

    async def put(self, key: str) -> None:
        await self.put_secret("temporal", api_key=key)

    async def put_secret(self, name: str, **values: str) -> None:
        text = json.dumps(values)
        await asyncio.to_thread(self._secrets.put_secret_value, SecretId=name, SecretString=text)

    async def put_parameter(self, name: str, value: str) -> None:
        options = {"Name": name, "Value": value, "Type": "SecureString", "Overwrite": True}
        await asyncio.to_thread(self._parameters.put_parameter, **options)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield Store(f"http://{host}:{port}")
    server.stop()


def require_unseen(records: list[InvocationRecord], *secrets: str) -> None:
    """No secret may be in what invocations have told: logs, reports, metrics, errors."""
    for record in records:
        shown = "\n".join([*record.log, record.error or "", json.dumps(record.report)])
        # The SDK's core repeats what the gateway says, which is more than any real server would.
        ours = "\n".join(line for line in shown.splitlines() if "not known: " not in line)
        assert [secret for secret in secrets if secret in ours] == []


def settings(address: str, store: Store, **more: str) -> dict[str, str]:
    return {
        "TEMPORAL_ADDRESS": address,
        "AWS_ENDPOINT_URL": store.endpoint,
        "TEMPORAL_LAMBDA_API_KEY_SECRET": "temporal#api_key",
        "TEMPORAL_LAMBDA_CLOUDWATCH_METRICS": "true",
        **more,
    }


@pytest.mark.parametrize("handler", [IN_CODE, BY_SETTINGS])
async def test_key_that_is_revoked_with_a_new_one_stored_is_found_within_the_invocation(
    handler: str, stack: LocalStack, make_function: MakeFunction, invoke: Invoke, store: Store
) -> None:
    await store.put(OLD)
    async with Gateway(stack.temporal_address, OLD) as gateway:
        function = make_function(handler, env=settings(gateway.address, store))
        first = await invoke(function)
        assert first.status == "success", first.error
        await store.put(NEW)
        gateway.api_key = NEW
        second = await invoke(function)
        assert second.status == "success", second.error
        assert gateway.refused
        third = await invoke(function)
        assert third.report
        assert third.report["connection"] == "reused"
    require_unseen([first, second, third], OLD, NEW)


async def test_key_that_is_rotated_between_invocations_keeps_the_connection(
    stack: LocalStack, make_function: MakeFunction, invoke: Invoke, store: Store
) -> None:
    await store.put(OLD)
    async with Gateway(stack.temporal_address, OLD) as gateway:
        env = settings(gateway.address, store, TEMPORAL_LAMBDA_SECRETS_TTL="1s")
        function = make_function(BY_SETTINGS, env=env)
        records = [await invoke(function)]
        await store.put(NEW)
        gateway.successor = NEW
        while not gateway.admitted_by[NEW]:
            records.append(await invoke(function))
        assert gateway.refused == 0
    states = [record.report and record.report["connection"] for record in records]
    assert states == ["new", *["reused"] * (len(records) - 1)]
    require_unseen(records, OLD, NEW)


async def test_key_that_is_rotated_during_an_invocation_is_used_before_the_old_one_is_revoked(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy, store: Store
) -> None:
    await store.put(OLD)
    async with Gateway(stack.temporal_address, OLD) as gateway:
        env = settings(gateway.address, store, TEMPORAL_LAMBDA_SECRETS_TTL="1s")
        deployed = await deploy(make_function(BY_SETTINGS, seconds=20, env=env))
        queue = deployed.task_queue
        long = await stack.client.start_workflow(
            "RunActivity", args=["sleep_in_thread", 4.0, 10.0], id=queue, task_queue=queue
        )
        await until(lambda: stack.service.busy(deployed.function.name))
        await store.put(NEW)
        gateway.successor = NEW
        rounds = 0
        while not gateway.admitted_by[NEW]:
            # What is polled for was asked for with the old key; what is done is told with the new.
            rounds += 1
            await stack.client.execute_workflow(
                "RunActivity",
                args=["greet", "World", 10.0],
                id=f"{queue}-{rounds}",
                task_queue=queue,
                execution_timeout=timedelta(seconds=10),
            )
        gateway.api_key = NEW
        gateway.successor = None
        assert await long.result() == "slept"
        await rest(stack, deployed)
        history = await long.fetch_history()
    records = [r for r in stack.service.records if r.function == deployed.function.name]
    require_unseen(records, OLD, NEW)
    assert OLD not in history.to_json()
    assert NEW not in history.to_json()
    assert not [e for e in history.events if e.HasField("activity_task_timed_out_event_attributes")]


async def test_telemetry_shows_no_key_of_a_connection_that_works_and_of_one_that_is_refused(
    stack: LocalStack, make_function: MakeFunction, invoke: Invoke, store: Store
) -> None:
    await store.put(OLD)
    with receiving() as receiver:
        async with Gateway(stack.temporal_address, OLD) as gateway:
            telemetry = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
            env = settings(gateway.address, store, **telemetry)
            function = make_function("traced.quick_handler", env=env)
            works = await invoke(function)
            gateway.api_key = NEW
            refused = await invoke(function)
        assert (works.status, refused.status) == ("success", "error"), works.log
        await until(lambda: any(span.failed for span in receiver.spans))
        sent = repr(receiver.spans) + repr(receiver.values)
    assert OLD not in sent
    require_unseen([works, refused], OLD, NEW)


async def test_certificates_from_both_stores_open_a_connection(
    stack: LocalStack, make_function: MakeFunction, invoke: Invoke, store: Store, tmp_path: Path
) -> None:
    certificates = Certificates(tmp_path)
    key = certificates.client_key.read_text()
    await store.put_secret("mtls", certificate=certificates.client_cert.read_text(), key=key)
    await store.put_parameter("/temporal/ca", certificates.server_ca.read_text())
    tls = certificates.server(wants_client_certificate=True)
    async with Proxy(stack.temporal_address, tls=tls) as proxy:
        env = settings(
            proxy.address,
            store,
            TEMPORAL_LAMBDA_API_KEY_SECRET="none",
            TEMPORAL_LAMBDA_CLIENT_CERT_SECRET="mtls#certificate",
            TEMPORAL_LAMBDA_CLIENT_KEY_SECRET="mtls#key",
            TEMPORAL_LAMBDA_SERVER_CA_SECRET="ssm:/temporal/ca",
        )
        record = await invoke(make_function(BY_SETTINGS, env=env))
    assert record.status == "success", record.error
    require_unseen([record], key.splitlines()[1])


async def test_key_that_is_refused_with_no_other_stored_is_one_clear_error(
    stack: LocalStack, make_function: MakeFunction, invoke: Invoke, store: Store
) -> None:
    await store.put(OLD)
    async with Gateway(stack.temporal_address, NEW) as gateway:
        function = make_function(IN_CODE, env=settings(gateway.address, store))
        record = await invoke(function)
    assert record.error
    assert "refuses this worker" in record.error
    require_unseen([record], OLD, NEW)


@pytest.mark.parametrize("handler", [IN_CODE, BY_SETTINGS])
async def test_store_that_does_not_answer_costs_no_more_than_the_invocation_has(
    handler: str, make_function: MakeFunction, invoke: Invoke, store: Store
) -> None:
    with silence() as endpoint:
        env = {**settings("127.0.0.1:1", store), "AWS_ENDPOINT_URL": endpoint}
        # The shutdown takes 3 s of them.
        record = await invoke(make_function(handler, seconds=6, env=env))
    assert record.status == "error", record.log
    assert record.error
    assert "DeadlineError: the connection's credentials did not come within the" in record.error
    assert record.report


@pytest.mark.parametrize("handler", [IN_CODE, BY_SETTINGS])
async def test_secret_that_can_not_be_read_is_named(
    handler: str, make_function: MakeFunction, invoke: Invoke, store: Store
) -> None:
    env = {
        **settings("127.0.0.1:1", store),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    }
    record = await invoke(make_function(handler, env=env))
    assert record.error
    assert record.error.startswith("SecretError: secret temporal, key 'api_key' can't be read")
