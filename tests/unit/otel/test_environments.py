"""What backends make of the metrics of several execution environments: the truth."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.metric_readers import delta_total, prometheus_total
from tests.support.otlp import receiving
from tests.support.telemetry_process import run

WORK = """
    backend = {backend!r}
    for number in range({invocations}):
        def work():
            from temporal_lambda.otel.telemetry import telemetry_for
            from temporal_lambda.otel.options import resolve
            telemetry = telemetry_for(resolve(OtelOptions(backend=backend)))
            meter = telemetry.metrics.runtime.metric_meter
            meter.create_counter("temporal_request").add(2)
            meter.create_histogram("temporal_request_latency", unit="ms").record(10 * number)
        invoke(number, OtelOptions(backend=backend), work)
    tell(done=True)
"""
ENVIRONMENTS = (3, 4)
"""How many invocations each of them has."""

TRUTH = {
    "temporal_lambda.invocations": 7,
    "faas.coldstarts": 2,
    "faas.invoke_duration": 7,
    "temporal_request": 14,
    "temporal_request_latency": 7,
}


@pytest.mark.parametrize(
    ("backend", "read"),
    [
        (None, prometheus_total),
        ("prometheus", prometheus_total),
        ("cloudwatch", delta_total),
        ("datadog", delta_total),
    ],
)
def test_sums_over_environments_are_true(backend: str | None, read: object) -> None:
    assert callable(read)
    with receiving() as receiver, ThreadPoolExecutor() as both:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "AWS_LAMBDA_FUNCTION_NAME": "orders",
        }
        told = both.map(
            lambda count: run(WORK.format(backend=backend, invocations=count), **environ),
            ENVIRONMENTS,
        )
        assert [log for _, log in told] == [[], []]
    assert {name: read(receiver, name) for name in TRUTH} == TRUTH


def test_id_of_the_process_can_be_chosen() -> None:
    with receiving() as receiver:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=mine,service.name=shop",
        }
        run("invoke(); tell()", **environ)
    resources = [value.resource for value in receiver.values]
    resources += [span.resource for span in receiver.spans]
    assert {resource["service.instance.id"] for resource in resources} == {"mine"}
    assert {resource["service.name"] for resource in resources} == {"shop"}
