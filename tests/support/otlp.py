"""A receiver for OTLP over gRPC or HTTP that remembers, and a real collector in front of it."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from tests.support import collector
from tests.support.waiting import until

PATIENCE = 20.0
"""Seconds until a test gives up."""

Attributes = Mapping[str, Any]


@dataclass(frozen=True)
class ReceivedSpan:
    """A span as it arrived; ids in hex, times in seconds since the epoch."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str
    begun: float
    ended: float
    attributes: Attributes
    resource: Attributes
    links: tuple[str, ...]
    failed: bool


@dataclass(frozen=True)
class ReceivedValue:
    """The last value of a metric for one set of attributes; for a histogram its count."""

    name: str
    attributes: Attributes
    resource: Attributes
    value: float
    is_delta: bool = False


@dataclass(frozen=True)
class ReceivedRecord:
    """A log record as it arrived; ids in hex."""

    body: str
    severity: str
    trace_id: str
    span_id: str
    attributes: Attributes
    resource: Attributes


class Receiver:
    """An OTLP endpoint on loopback.

    Attributes:
        spans: All that arrived, in that order.
        records: All log records that arrived, in that order.
        points: All values of metrics that arrived, in that order.
        refusal: What every export is answered with, if not ``None``.
        delay: Seconds until it takes an export.
    """

    def __init__(self) -> None:
        self.spans: list[ReceivedSpan] = []
        self.records: list[ReceivedRecord] = []
        self.points: list[ReceivedValue] = []
        self.refusal: grpc.StatusCode | None = None
        self.delay = 0.0
        self.exports = 0
        self._values: dict[tuple[Any, ...], ReceivedValue] = {}
        self._lock = threading.Lock()
        self.port = 0

    @property
    def endpoint(self) -> str:
        """``http://host:port``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def values(self) -> list[ReceivedValue]:
        """The metrics as they are now."""
        with self._lock:
            return list(self._values.values())

    def total(self, name: str, **attributes: Any) -> float:
        """The sum of a metric over all sets of attributes that contain these."""
        return sum(
            value.value
            for value in self.values
            if value.name == name and attributes.items() <= dict(value.attributes).items()
        )

    async def counts(self, times: float, name: str, **attributes: Any) -> None:
        """Wait until a metric's sum is what it should be."""
        await until(lambda: self.total(name, **attributes) == times)

    def named(self, name: str) -> list[ReceivedSpan]:
        """Spans of this name."""
        return [span for span in self.spans if span.name == name]

    def of_request(self, request_id: str) -> list[ReceivedSpan]:
        """Spans that name this invocation."""
        return [s for s in self.spans if s.attributes.get("faas.invocation_id") == request_id]

    def add_spans(self, request: Any) -> None:
        """Take an export of spans."""
        for resource_spans in request.resource_spans:
            resource = plain(resource_spans.resource.attributes)
            for scope_spans in resource_spans.scope_spans:
                self.spans += [_span(span, resource) for span in scope_spans.spans]

    def add_logs(self, request: Any) -> None:
        """Take an export of log records."""
        for resource_logs in request.resource_logs:
            resource = plain(resource_logs.resource.attributes)
            for scope_logs in resource_logs.scope_logs:
                self.records += [
                    ReceivedRecord(
                        record.body.string_value,
                        record.severity_text,
                        record.trace_id.hex(),
                        record.span_id.hex(),
                        plain(record.attributes),
                        resource,
                    )
                    for record in scope_logs.log_records
                ]

    def add_metrics(self, request: Any) -> None:
        """Take an export of metrics."""
        for resource_metrics in request.resource_metrics:
            resource = plain(resource_metrics.resource.attributes)
            for scope_metrics in resource_metrics.scope_metrics:
                for metric in scope_metrics.metrics:
                    data = getattr(metric, metric.WhichOneof("data"))
                    is_delta = getattr(data, "aggregation_temporality", 0) == 1
                    for point in data.data_points:
                        self._add_point(metric.name, point, resource, is_delta)

    def _add_point(self, name: str, point: Any, resource: Attributes, is_delta: bool) -> None:
        attributes = plain(point.attributes)
        if hasattr(point, "count"):
            value = point.count
        else:
            value = getattr(point, point.WhichOneof("value"))
        key = (name, _frozen(attributes), _frozen(resource))
        with self._lock:
            received = ReceivedValue(name, attributes, resource, float(value), is_delta)
            self._values[key] = received
            self.points.append(received)


def _span(span: Any, resource: Attributes) -> ReceivedSpan:
    return ReceivedSpan(
        span.name,
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.start_time_unix_nano / 1e9,
        span.end_time_unix_nano / 1e9,
        plain(span.attributes),
        resource,
        tuple(link.trace_id.hex() for link in span.links),
        span.status.code == 2,
    )


def plain(attributes: Iterable[KeyValue]) -> dict[str, Any]:
    """OTLP's attributes as a dictionary."""
    return {
        item.key: getattr(item.value, item.value.WhichOneof("value") or "string_value")
        for item in attributes
    }


def _frozen(attributes: Attributes) -> frozenset[tuple[str, str]]:
    return frozenset((name, str(value)) for name, value in attributes.items())


class _Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def Export(self, request: Any, context: grpc.ServicerContext) -> Any:
        _answer(self._receiver, context, lambda: self._receiver.add_spans(request))
        return trace_service_pb2.ExportTraceServiceResponse()


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def Export(self, request: Any, context: grpc.ServicerContext) -> Any:
        _answer(self._receiver, context, lambda: self._receiver.add_metrics(request))
        return metrics_service_pb2.ExportMetricsServiceResponse()


class _Logs(logs_service_pb2_grpc.LogsServiceServicer):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def Export(self, request: Any, context: grpc.ServicerContext) -> Any:
        _answer(self._receiver, context, lambda: self._receiver.add_logs(request))
        return logs_service_pb2.ExportLogsServiceResponse()


def _answer(receiver: Receiver, context: grpc.ServicerContext, take: Callable[[], None]) -> None:
    receiver.exports += 1
    if receiver.refusal:
        context.abort(receiver.refusal, "the collector refuses on purpose")
    time.sleep(receiver.delay)
    take()


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver."""
    receiver = Receiver()
    server = grpc.server(ThreadPoolExecutor(4))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(  # type: ignore[no-untyped-call] # Generated.
        _Traces(receiver), server
    )
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(  # type: ignore[no-untyped-call] # Generated.
        _Metrics(receiver), server
    )
    logs_service_pb2_grpc.add_LogsServiceServicer_to_server(  # type: ignore[no-untyped-call] # Generated.
        _Logs(receiver), server
    )
    receiver.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield receiver
    finally:
        server.stop(grace=None).wait()


@asynccontextmanager
async def collecting(receiver: Receiver, protocol: str = "grpc") -> AsyncIterator[str]:
    """Run a collector that passes on what it gets, without waiting for more.

    Args:
        receiver: Where to.
        protocol: What it is spoken to in, ``grpc`` or ``http``.

    Returns:
        Its endpoint; the receiver's own where there is no collector for this Python.
    """
    if collector.why_missing() and protocol == "grpc":
        yield receiver.endpoint
        return
    to_receiver = (
        *("--exporter", "otlp", "--otlp-exporter-protocol", "grpc"),
        *("--otlp-exporter-endpoint", receiver.endpoint),
        "--disable-batching",
    )
    async with collector.collecting(*to_receiver, protocol=protocol) as endpoint:
        yield endpoint


@contextmanager
def silence() -> Iterator[str]:
    """An endpoint that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepted: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    accepted.append(server.accept()[0])

        threading.Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
    for connection in accepted:
        connection.close()
