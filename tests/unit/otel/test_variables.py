"""OpenTelemetry's environment variables: what they decide, and what is said of the others."""

from __future__ import annotations

from typing import Any

import pytest

from temporal_lambda.otel import OtelOptions
from temporal_lambda.otel.options import resolve
from temporal_lambda.otel.variables import Signal, destination, unhonoured

HTTP = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ("http://localhost:4317", "grpc")),
        (HTTP, ("http://localhost:4318/v1/traces", "http/protobuf")),
        (
            {**HTTP, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318/"},
            ("http://c:4318/v1/traces", "http/protobuf"),
        ),
        # A signal's own endpoint is complete.
        (
            {**HTTP, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/mine"},
            ("http://c:4318/mine", "http/protobuf"),
        ),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"},
            ("http://localhost:4318/v1/traces", "http/protobuf"),
        ),
        (
            {**HTTP, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": " GRPC"},
            ("http://localhost:4317", "grpc"),
        ),
        (
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://all:1",
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://own:2",
            },
            ("http://own:2", "grpc"),
        ),
        # AWS's endpoints speak nothing else.
        (
            {
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://xray.eu-west-1.amazonaws.com/v1/traces",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            },
            ("https://xray.eu-west-1.amazonaws.com/v1/traces", "http/protobuf"),
        ),
    ],
)
def test_place_and_protocol_of_a_signal(environ: dict[str, str], expected: Any) -> None:
    assert destination("traces", "", environ) == expected


def test_endpoint_in_code_is_for_all_signals_whatever_the_variables_say() -> None:
    environ = {**HTTP, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://theirs:2"}
    options = OtelOptions(collector_endpoint="http://mine:1", export_logs=True)
    assert {to.endpoint for to in resolve(options, environ).destinations.values()} == {
        "http://mine:1/v1/traces",
        "http://mine:1/v1/metrics",
        "http://mine:1/v1/logs",
    }


@pytest.mark.parametrize("spelling", ["none", "None", " none"])
def test_signal_whose_exporter_is_none_goes_nowhere(spelling: str) -> None:
    environ = {"OTEL_TRACES_EXPORTER": spelling, "OTEL_LOGS_EXPORTER": spelling}
    assert set(resolve(OtelOptions(export_logs=True), environ).destinations) == {"metrics"}


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_METRICS_EXPORTER": "none", **HTTP}, []),
        ({"OTEL_METRICS_EXPORTER": "console"}, ["OTEL_METRICS_EXPORTER=console (otlp is used)"]),
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"},
            ["OTEL_EXPORTER_OTLP_PROTOCOL=http/json (http/protobuf is used)"],
        ),
        (
            {"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/json"},
            ["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/json (http/protobuf is used)"],
        ),
        (
            {"OTEL_EXPORTER_OTLP_TIMEOUT": "5"},
            ["OTEL_EXPORTER_OTLP_TIMEOUT (OtelOptions.flush_timeout decides)"],
        ),
        (
            {"OTEL_METRIC_EXPORT_INTERVAL": "500"},
            ["OTEL_METRIC_EXPORT_INTERVAL (OtelOptions.metric_periodicity decides)"],
        ),
        (
            {"OTEL_PROPAGATORS": "tracecontext, xray"},
            ["OTEL_PROPAGATORS (Temporal carries tracecontext and baggage)"],
        ),
        ({"OTEL_PROPAGATORS": "baggage,tracecontext"}, []),
        (
            {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "deltas"},
            [
                "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=deltas (must be one of "
                "cumulative, delta, lowmemory)"
            ],
        ),
    ],
)
def test_variable_that_has_no_effect_is_named(environ: dict[str, str], said: list[str]) -> None:
    assert unhonoured({"traces", "metrics"}, environ) == said


def test_nothing_is_said_of_signals_that_others_export() -> None:
    """The AWS distro sets such variables for its own providers."""
    nobody: set[Signal] = set()
    environ = {"OTEL_METRICS_EXPORTER": "awsemf", "OTEL_EXPORTER_OTLP_TIMEOUT": "5"}
    assert unhonoured(nobody, environ) == []
