"""A receiver for OTLP over HTTP, in front of the one that remembers."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.support.otlp import Receiver


class HttpReceiver(Receiver):
    """An OTLP endpoint on loopback that speaks HTTP.

    Attributes:
        requests: Path and headers of each request, in that order.
        status: What every request is answered with.
    """

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[tuple[str, Mapping[str, str], bytes]] = []
        self.status = 200

    @property
    def takes(self) -> dict[str, Callable[[bytes], None]]:
        """What to do with the body of a request, by its path."""
        return {
            "/v1/traces": lambda body: self.add_spans(ExportTraceServiceRequest.FromString(body)),
            "/v1/metrics": lambda body: self.add_metrics(
                ExportMetricsServiceRequest.FromString(body)
            ),
            "/v1/logs": lambda body: self.add_logs(ExportLogsServiceRequest.FromString(body)),
        }


@contextmanager
def receiving_http() -> Iterator[HttpReceiver]:
    """Run a receiver."""
    receiver = HttpReceiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.requests.append((self.path, dict(self.headers.items()), body))
            time.sleep(receiver.delay)
            if receiver.status == 200:
                is_zipped = self.headers.get("Content-Encoding") == "gzip"
                receiver.takes[self.path](gzip.decompress(body) if is_zipped else body)
            self.send_response(receiver.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
