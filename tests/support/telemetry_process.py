"""Runs code in a process of its own, whose telemetry is not set up yet."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any

PRELUDE = """
import asyncio, contextvars, json, logging, sys, time
from datetime import timedelta
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.contrib.opentelemetry import ReplaySafeTracerProvider
from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.invocation_info import InvocationInfo
from temporal_lambda.otel import OtelOptions, apply_defaults, apply_logging, apply_tracing
from temporal_lambda.otel import adoption, spans

logging.basicConfig(stream=sys.stderr, level="INFO", format="%(levelname)s %(message)s")
memory = InMemorySpanExporter()

def provide():
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    trace.set_tracer_provider(provider)
    return provider

def invoke(number=0, options=None, inside=lambda: None, before=lambda config: None, **report):
    # An invocation without Temporal: what apply_defaults begins, something inside, the flush.
    async def run():
        config = LambdaWorkerConfig(invocation=InvocationInfo(f"r-{number}", cold=number == 0))
        before(config)
        apply_defaults(config, options)
        inside()
        full = config.invocation.report
        config.invocation.report = lambda: {**full(), **report}
        begun = time.monotonic()
        for _, step in config.invocation.last_steps:
            await step()
        spent.append(time.monotonic() - begun)
        config.invocation.over()
        return config
    return contextvars.copy_context().run(asyncio.run, run())

spent = []

def tell(**values):
    print(json.dumps(values))
"""


def run(code: str, first: str = "", **environ: str) -> tuple[dict[str, Any], list[str]]:
    """What a process tells, and what it logs.

    Args:
        code: What it runs.
        first: What it runs before it imports anything.
        environ: Its environment.
    """
    result = subprocess.run(
        [
            sys.executable,
            "-W",
            "error",
            "-c",
            textwrap.dedent(first) + PRELUDE + textwrap.dedent(code),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", **environ},
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    told: dict[str, Any] = json.loads(result.stdout)
    return told, result.stderr.splitlines()
