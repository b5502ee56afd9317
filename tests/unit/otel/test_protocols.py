"""The way over HTTP: the same telemetry, with OpenTelemetry's own variables."""

from __future__ import annotations

import pytest

from temporal_lambda.local.ports import free_port
from tests.support.otlp import receiving
from tests.support.otlp_http import receiving_http
from tests.support.telemetry_process import run

HTTP = {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}

WORK = """
    options = OtelOptions(export_logs=True)
    for number in range(2):
        invoke(number, options, lambda: logging.getLogger("shop").warning("sold"))
    tell(grpc="opentelemetry.exporter.otlp.proto.grpc" in sys.modules)
"""


def test_all_signals_arrive_over_http_without_grpc() -> None:
    with receiving_http() as receiver:
        environ = {
            **HTTP,
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "OTEL_EXPORTER_OTLP_HEADERS": "x-team=blue%20sky",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        }
        told, log = run(WORK, **environ)
    assert told == {"grpc": False}
    assert log == ["WARNING sold"] * 2
    assert len(receiver.named("invocation")) == 2
    assert receiver.total("temporal_lambda.invocations") == 2
    assert [record.body for record in receiver.records] == ["sold"] * 2
    for _, headers, _ in receiver.requests:
        assert headers["x-team"] == "blue sky"
        assert headers["Content-Encoding"] == "gzip"


def test_each_signal_may_have_a_place_and_a_protocol_of_its_own() -> None:
    with receiving_http() as http, receiving() as grpc:
        environ = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{http.endpoint}/v1/traces",
            "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": grpc.endpoint,
            "OTEL_LOGS_EXPORTER": "none",
        }
        _, log = run(WORK, **environ)
    assert log == ["WARNING sold"] * 2
    assert len(http.named("invocation")) == 2
    assert grpc.total("temporal_lambda.invocations") == 2
    assert (grpc.spans, http.values, http.records) == ([], [], [])


@pytest.mark.parametrize("status", [None, 401, 503], ids=["absent", "refuses", "unavailable"])
def test_endpoint_that_takes_nothing_is_one_warning_and_nobody_waits_twice(
    status: int | None,
) -> None:
    with receiving_http() as receiver:
        receiver.status = status or 200
        endpoint = receiver.endpoint if status else f"http://127.0.0.1:{free_port()}"
        told, log = run(
            """
            for number in range(4):
                invoke(number)
            tell(first=spent[0], later=max(spent[1:]))
            """,
            **HTTP,
            OTEL_EXPORTER_OTLP_ENDPOINT=endpoint,
        )
    assert told["first"] < 2.5
    assert told["later"] < 0.05
    (line,) = log
    assert "telemetry may be lost: the collector at" in line
    assert f"{endpoint}/v1/" in line
    if status:
        assert str(status) in line or "Unavailable" in line
    else:
        assert "refused" in line


def test_variables_without_effect_are_named_by_one_warning() -> None:
    with receiving() as receiver:
        _, log = run(
            "[invoke(number) for number in range(3)]; tell()",
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
            OTEL_TRACES_EXPORTER="console",
            OTEL_EXPORTER_OTLP_TIMEOUT="5",
        )
    (line,) = log
    assert line == (
        "WARNING these variables have no effect here: OTEL_TRACES_EXPORTER=console (otlp is used); "
        "OTEL_EXPORTER_OTLP_TIMEOUT (OtelOptions.flush_timeout decides)"
    )
    assert len(receiver.named("invocation")) == 3


def test_sdk_that_is_disabled_makes_nothing() -> None:
    told, log = run(
        """
        import threading
        config = invoke(0, OtelOptions(logs=True, export_logs=True))
        tell(
            runtime="runtime" in config.client_connect_config, steps=config.invocation.last_steps,
            plugins="plugins" in config.worker_config, threads=threading.active_count(),
            exporters=[name for name in sys.modules if "exporter.otlp.proto." in name],
            handlers=len(logging.getLogger().handlers),
            provider=type(trace.get_tracer_provider()).__name__,
        )
        """,
        OTEL_SDK_DISABLED=" True",
    )
    assert told == {
        "runtime": False,
        "steps": [],
        "plugins": False,
        "threads": 1,
        "exporters": [],
        "handlers": 1,
        "provider": "ProxyTracerProvider",
    }
    assert log == []


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, {"grpc"}),
        (HTTP, {"http"}),
        ({"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/protobuf"}, {"grpc", "http"}),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}, set()),
    ],
    ids=["default", "http", "both", "none"],
)
def test_exporters_are_imported_before_the_first_invocation(
    environ: dict[str, str], expected: set[str]
) -> None:
    told, _ = run(
        """
        before = set(sys.modules)
        invoke()
        tell(
            wires=[wire for wire in ("grpc", "http")
                   if f"opentelemetry.exporter.otlp.proto.{wire}.trace_exporter" in before],
            later=[n for n in set(sys.modules) - before if n.startswith("opentelemetry")],
        )
        """,
        **environ,
    )
    assert set(told["wires"]) == expected
    assert told["later"] == []


def test_secret_in_an_endpoint_is_not_in_the_warning() -> None:
    port = free_port()
    _, log = run(
        "invoke(); tell()",
        **HTTP,
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"http://jane:s3cret@127.0.0.1:{port}/v1/traces?key=4711",
        OTEL_METRICS_EXPORTER="none",
    )
    (line,) = log
    assert f"the collector at http://***@127.0.0.1:{port}/v1/traces?*** does not" in line
    assert "s3cret" not in line
    assert "4711" not in line
