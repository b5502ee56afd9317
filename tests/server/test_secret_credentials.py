"""An API key that lies in Secrets Manager: fetched, rotated, revoked, and shown nowhere."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from temporal_lambda.local import InvocationRecord, LocalStack
from tests.support.gateway import Gateway
from tests.support.lambdas import Invoke, MakeFunction

OLD, NEW = "old-key-that-nobody-may-see", "new-key-that-nobody-may-see"


class Store:
    """Secrets Manager of moto's, with one secret."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._client = boto3.client(
            "secretsmanager",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )
        self._client.create_secret(Name="temporal", SecretString="{}")

    def put(self, key: str) -> None:
        self._client.put_secret_value(
            SecretId="temporal", SecretString=json.dumps({"api_key": key})
        )


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield Store(f"http://{host}:{port}")
    server.stop()


def shown(record: InvocationRecord) -> str:
    """All that an invocation has told."""
    return "\n".join([*record.log, record.error or "", json.dumps(record.report)])


async def put(store: Store, key: str) -> None:
    await asyncio.to_thread(store.put, key)


def settings(gateway: Gateway, store: Store) -> dict[str, Any]:
    return {"TEMPORAL_ADDRESS": gateway.address, "AWS_ENDPOINT_URL": store.endpoint}


async def test_key_that_is_revoked_with_a_new_one_stored_is_found_within_the_invocation(
    stack: LocalStack, make_function: MakeFunction, invoke: Invoke, store: Store
) -> None:
    await put(store, OLD)
    async with Gateway(stack.temporal_address, OLD) as gateway:
        function = make_function("secret_key.lambda_handler", env=settings(gateway, store))
        first = await invoke(function)
        assert first.status == "success", first.error
        await put(store, NEW)
        gateway.api_key = NEW
        second = await invoke(function)
        assert second.status == "success", second.error
        assert gateway.refused
        third = await invoke(function)
        assert third.report
        assert third.report["connection"] == "reused"
    for record in (first, second, third):
        # The SDK's core repeats what this server says, which is more than any real one would.
        ours = "\n".join(line for line in shown(record).splitlines() if "not known: " not in line)
        assert OLD not in ours
        assert NEW not in ours


async def test_key_that_is_refused_with_no_other_stored_is_one_clear_error(
    stack: LocalStack, make_function: MakeFunction, invoke: Invoke, store: Store
) -> None:
    await put(store, OLD)
    async with Gateway(stack.temporal_address, NEW) as gateway:
        function = make_function("secret_key.lambda_handler", env=settings(gateway, store))
        record = await invoke(function)
    assert record.error
    assert "refuses this worker" in record.error
    assert OLD not in record.error


async def test_secret_that_does_not_exist_is_named(
    stack: LocalStack, make_function: MakeFunction, invoke: Invoke, store: Store
) -> None:
    env = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
    record = await invoke(make_function("secret_key.lambda_handler", env=env))
    assert record.error
    assert record.error.startswith("SecretError: secret temporal, key 'api_key' can't be read")
