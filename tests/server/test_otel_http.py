"""OTLP over HTTP, through a real collector."""

from __future__ import annotations

import pytest

from tests.support import collector
from tests.support.lambdas import Invoke, MakeFunction
from tests.support.otlp import Receiver, collecting, receiving
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("clean_log")


@pytest.mark.skipif(collector.why_missing() is not None, reason=str(collector.why_missing()))
async def test_real_collector_takes_all_signals_over_http(
    make_function: MakeFunction, invoke: Invoke
) -> None:
    with receiving() as receiver:
        async with collecting(receiver, "http") as endpoint:
            env = {
                "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                "SCENARIO": "logs",
            }
            function = make_function("traced.quick_handler", env=env)
            records = [await invoke(function) for _ in range(2)]
            assert {record.status for record in records} == {"success"}
            await until(lambda: len(receiver.named(function.name)) == 2)
            await until(lambda: receiver.total("temporal_worker_start") == 2)
            # What the first one logged at its very end comes with the second.
            await until(lambda: first_report(receiver, records[0].request_id))


def first_report(receiver: Receiver, request_id: str) -> bool:
    """Whether the line of a report has come as a record."""
    return any(
        "temporal_lambda invocation" in record.body and request_id in record.body
        for record in receiver.records
    )
