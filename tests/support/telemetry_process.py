"""Runs code in a process of its own, whose telemetry is not set up yet."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any

PRELUDE = """
import json, logging, sys
from datetime import timedelta
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.contrib.opentelemetry import ReplaySafeTracerProvider
from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.invocation_info import InvocationInfo
from temporal_lambda.otel import OtelOptions, apply_defaults, apply_tracing
from temporal_lambda.otel import adoption, spans

logging.basicConfig(stream=sys.stderr, level="INFO", format="%(levelname)s %(message)s")
memory = InMemorySpanExporter()

def provide():
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    trace.set_tracer_provider(provider)
    return provider

def tell(**values):
    print(json.dumps(values))
"""


def run(code: str, **environ: str) -> tuple[dict[str, Any], list[str]]:
    """What a process tells, and what it logs."""
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", PRELUDE + textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", **environ},
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    told: dict[str, Any] = json.loads(result.stdout)
    return told, result.stderr.splitlines()
