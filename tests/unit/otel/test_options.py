"""Options, and what they come to in an environment."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import timedelta
from typing import Any

import pytest
from temporalio.contrib.aws.lambda_worker import otel as contrib

from temporal_lambda import LambdaWorkerConfig, SettingsError
from temporal_lambda.otel import OtelOptions, build_metrics_telemetry_config
from temporal_lambda.otel.options import resolve
from temporal_lambda.otel.resource import lambda_resource


def test_options_begin_as_those_of_the_contrib_module() -> None:
    theirs = dataclasses.asdict(contrib.OtelOptions())
    ours = dataclasses.asdict(OtelOptions())
    assert {name: ours[name] for name in theirs} == theirs
    assert list(ours)[: len(theirs)] == list(theirs)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"endpoint": "http://collector:4317", "service_name": "orders"},
        {"metric_periodicity": timedelta(seconds=3)},
    ],
)
def test_core_can_export_periodically_as_with_the_contrib_module(arguments: Any) -> None:
    theirs = contrib.build_metrics_telemetry_config(**arguments)
    assert build_metrics_telemetry_config(**arguments) == theirs


@pytest.mark.parametrize(
    ("option", "environ", "expected"),
    [
        ("mine", {"OTEL_SERVICE_NAME": "otel", "AWS_LAMBDA_FUNCTION_NAME": "fn"}, "mine"),
        ("", {"OTEL_SERVICE_NAME": "otel", "AWS_LAMBDA_FUNCTION_NAME": "fn"}, "otel"),
        ("", {"OTEL_SERVICE_NAME": "", "AWS_LAMBDA_FUNCTION_NAME": "fn"}, "fn"),
        ("", {}, "temporal-lambda-worker"),
    ],
)
def test_service_name(option: str, environ: dict[str, str], expected: str) -> None:
    assert resolve(OtelOptions(service_name=option), environ).service_name == expected


@pytest.mark.parametrize(
    ("option", "environ", "expected"),
    [
        ("http://mine:1", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://theirs:2"}, "http://mine:1"),
        ("", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://theirs:2"}, "http://theirs:2"),
        ("", {}, "http://localhost:4317"),
    ],
)
def test_endpoint(option: str, environ: dict[str, str], expected: str) -> None:
    assert resolve(OtelOptions(collector_endpoint=option), environ).destinations["traces"] == (
        expected,
        "grpc",
    )


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"flush": "sometimes"}, "always, interval, never"),
        ({"flush_timeout": timedelta()}, "flush_timeout"),
        ({"metric_periodicity": 10}, "metric_periodicity"),
    ],
)
def test_wrong_option_is_named(options: Any, named: str) -> None:
    from temporal_lambda.otel import apply_defaults

    with pytest.raises(SettingsError, match=named):
        apply_defaults(LambdaWorkerConfig(), OtelOptions(**options))


def test_resource_describes_the_function() -> None:
    environ = {
        "AWS_REGION": "eu-west-1",
        "AWS_LAMBDA_FUNCTION_NAME": "orders",
        "AWS_LAMBDA_FUNCTION_VERSION": "7",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[7]abc",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    }
    attributes = dict(lambda_resource("shop", environ=environ).attributes)
    expected = {
        "service.name": "shop",
        "cloud.provider": "aws",
        "cloud.platform": "aws_lambda",
        "cloud.region": "eu-west-1",
        "faas.name": "orders",
        "faas.version": "7",
        "faas.instance": "2026/01/01/[7]abc",
        "faas.max_memory": 128 * 1024 * 1024,
    }
    assert expected.items() <= attributes.items()
    assert "cloud.provider" not in lambda_resource("shop", environ={}).attributes


def test_resource_names_the_process_with_an_id_that_nothing_from_outside_decides() -> None:
    first, second = lambda_resource("shop", environ={}), lambda_resource("orders", environ={})
    assert uuid.UUID(str(first.attributes["service.instance.id"])).version == 4
    assert first.attributes["service.instance.id"] == second.attributes["service.instance.id"]
