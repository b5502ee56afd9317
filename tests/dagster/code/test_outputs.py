"""Where the outputs of steps go, so that steps in other invocations find them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.dagster.code.conftest import Functions, Launch
from tests.dagster.dagster_fixtures import Dagster

pytestmark = pytest.mark.server

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}


@pytest.fixture
def s3_endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


async def test_io_manager_of_dagster_aws_works_as_it_is(
    launch: Launch, beside: Dagster, functions: Functions, s3_endpoint: str
) -> None:
    s3 = boto3.client(
        "s3",
        endpoint_url=s3_endpoint,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    s3.create_bucket(Bucket="outputs")
    storage = {"CODE_STORAGE": "s3://outputs", "S3_ENDPOINT": s3_endpoint, "CODE_SAME": "false"}
    function = functions.add("durable", environment={**storage, **CREDENTIALS})
    run_id = await asyncio.to_thread(launch, function, "mapped")
    await asyncio.to_thread(beside.succeeded, run_id)
    assert "sum 14" in beside.log(run_id)
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket="outputs")["Contents"]]
    assert f"dagster/storage/{run_id}/square--n2/result" in keys


async def test_small_outputs_ride_in_the_history(
    launch: Launch, beside: Dagster, functions: Functions
) -> None:
    function = functions.add("durable", handler="code_in_history.durable")
    run_id = await asyncio.to_thread(launch, function, "mapped")
    await asyncio.to_thread(beside.succeeded, run_id)
    assert "sum 14" in beside.log(run_id)
    assert 'using IO manager "io_manager"' in beside.log(run_id)
