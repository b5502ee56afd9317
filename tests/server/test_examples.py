"""The examples run as they stand, in the real loop."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from temporalio.contrib.aws import lambda_worker as contrib

from temporal_lambda.local import Function, LocalStack
from tests.support.documents import blocks_for
from tests.support.fault_scenario import had_tasks
from tests.support.lambdas import deploy_at_rest, rest
from tests.support.otlp import receiving
from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
BUCKET = "payloads"
INLINE_LIMIT = 256 * 1024


def example(name: str, **environment: str) -> Function:
    return Function(
        name,
        "handler.lambda_handler",
        EXAMPLES / name,
        timeout=timedelta(seconds=15),
        environment=environment,
    )


@pytest.fixture
def s3() -> Iterator[tuple[str, Any]]:
    """A real S3 API on loopback: its address, and a client with the bucket made."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    client.create_bucket(Bucket=BUCKET)
    yield endpoint, client
    client.close()
    server.stop()


async def test_greeting(stack: LocalStack) -> None:
    deployed = await deploy_at_rest(stack, example("greeting"))
    assert deployed.task_queue == "greetings"
    result = await stack.client.execute_workflow(
        "Greeting", "World", id=f"greeting-{uuid.uuid4().hex[:8]}", task_queue="greetings"
    )
    assert result == "Hello, World!"


async def test_large_payload_travels_through_s3_from_one_invocation_to_the_next(
    stack: LocalStack, s3: tuple[str, Any]
) -> None:
    endpoint, bucket = s3
    function = example("s3_storage", PAYLOAD_BUCKET=BUCKET, AWS_ENDPOINT_URL_S3=endpoint)
    deployed = await deploy_at_rest(stack, function)
    size = 3 * INLINE_LIMIT
    handle = await stack.client.start_workflow(
        "Digest",
        args=[size, 2.0],
        id=f"digest-{uuid.uuid4().hex[:8]}",
        task_queue=deployed.task_queue,
    )
    assert await handle.result() == size

    stored = bucket.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert max(item["Size"] for item in stored) > size
    history = await handle.fetch_history()
    assert sum(event.ByteSize() for event in history.events) < INLINE_LIMIT

    # The later one collects nothing: it finds the document in S3.
    await rest(stack, deployed)
    activities = [
        record.report["tasks"]["activity"]
        for record in stack.service.records
        if record.function == "s3_storage" and record.report and had_tasks(record)
    ]
    assert activities == [1, 1]


async def test_telemetry(stack: LocalStack) -> None:
    with receiving() as receiver:
        function = example(
            "telemetry",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
            AWS_LAMBDA_LOG_FORMAT="JSON",
            AWS_LAMBDA_LOG_LEVEL="INFO",
        )
        deployed = await deploy_at_rest(stack, function)
        handle = await stack.client.start_workflow(
            "Parcel",
            args=["P-7", 2.0],
            id=f"parcel-{uuid.uuid4().hex[:8]}",
            task_queue=deployed.task_queue,
        )
        assert await handle.result() == "neighbour"
        await rest(stack, deployed)
        await until(lambda: receiver.named("RunWorkflow:Parcel"))
        (run,) = receiver.named("RunWorkflow:Parcel")
        names = [span.name for span in receiver.spans if span.trace_id == run.trace_id]
    assert sorted(names) == [
        "RunActivity:collect",
        "RunActivity:deliver",
        "RunWorkflow:Parcel",
        "StartActivity:collect",
        "StartActivity:deliver",
        "night",
        "ring the bell",
        "weigh",
    ]
    log = [line for r in stack.service.records if r.function == "telemetry" for line in r.log]
    (line,) = [json.loads(line) for line in log if "collected P-7" in line]
    assert (line["workflow_id"], line["trace_id"]) == (handle.id, run.trace_id)


@pytest.mark.parametrize("name", ["greeting", "s3_storage"])
def test_example_differs_from_one_for_the_contrib_module_in_one_import_alone(
    name: str, tmp_path: Path
) -> None:
    """Changing the import is the whole migration, so changing it back must work as well."""
    for file in (EXAMPLES / name).glob("*.py"):
        text = file.read_text().replace(
            "from temporal_lambda import", f"from {contrib.__name__} import"
        )
        (tmp_path / file.name).write_text(text)
    code = "import handler, sys; sys.exit(not callable(handler.lambda_handler))"
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=60)


def test_stack_of_the_documentation_prints_the_result() -> None:
    (block,) = [
        block for block in blocks_for(__file__, "docs/testing.md") if "LocalStack" in block.text
    ]
    output = subprocess.run(
        [sys.executable, "-c", block.text],
        cwd=ROOT,
        check=True,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert output.stdout == "Hello, World!\nsuccess idle\n"


@pytest.mark.timeout(240)
def test_stack_of_the_documentation_answers_an_aws_sdk(tmp_path: Path) -> None:
    (block,) = [block for block in blocks_for(__file__, "docs/testing.md") if "boto3" in block.text]
    (tmp_path / "test_boto3.py").write_text(block.text)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        timeout=200,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "1 passed" in ended.stdout
