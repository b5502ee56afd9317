"""Runs examples/telemetry through the whole loop and draws the trace it made.

Nothing in the picture is made up: a real server's worker controller invokes the function, its spans
go through a real collector, and what arrives is drawn. Run:

    python -m bench.trace_picture docs/trace.svg
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import Iterable
from datetime import timedelta
from html import escape
from pathlib import Path

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from temporalio.client import Client
from temporalio.contrib.opentelemetry import OpenTelemetryPlugin, create_tracer_provider

from temporal_lambda.local import Function, LocalStack
from tests.support.otlp import ReceivedSpan, collecting, receiving
from tests.support.waiting import until

ROOT = Path(__file__).parents[1]

NIGHT = 3.0
"""Seconds between the two activities: longer than the function waits for work."""

WIDTH, LEFT, ROW, TOP = 960, 250, 24, 58
BAND, CALLER, TEMPORAL, OWN = "#f2e6c9", "#7a7a7a", "#3f6fb5", "#3a8f5c"


async def run_example() -> tuple[list[ReceivedSpan], list[ReceivedSpan]]:
    """Run the example.

    Returns:
        The trace of the workflow, and the spans of the invocations that worked on it.
    """
    with receiving() as receiver:
        async with collecting(receiver) as endpoint, LocalStack() as stack:
            function = Function(
                "parcels",
                "handler.lambda_handler",
                ROOT / "examples" / "telemetry",
                timeout=timedelta(seconds=15),
                environment={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint},
            )
            deployed = await stack.deploy(function)
            await until(lambda: not stack.service.busy("parcels"))
            provider = create_tracer_provider(resource=Resource({"service.name": "shop"}))
            provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(endpoint)))
            trace.set_tracer_provider(provider)
            plugin = OpenTelemetryPlugin(add_temporal_spans=True)
            client = await Client.connect(stack.temporal_address, plugins=[plugin])
            with trace.get_tracer("shop").start_as_current_span("order a parcel"):
                handle = await client.start_workflow(
                    "Parcel",
                    args=["P-7", NIGHT],
                    id=f"parcel-{uuid.uuid4().hex[:6]}",
                    task_queue=deployed.task_queue,
                )
            await handle.result()
            await until(lambda: not stack.service.busy("parcels"))
            await until(lambda: len(receiver.named("parcels")) == 3)
    (root,) = receiver.named("order a parcel")
    spans = [span for span in receiver.spans if span.trace_id == root.trace_id]
    requests = {span.attributes.get("faas.invocation_id") for span in spans}
    invocations = [
        span
        for span in receiver.named("parcels")
        if span.attributes["faas.invocation_id"] in requests
    ]
    return in_order(spans), sorted(invocations, key=lambda span: span.begun)


def in_order(spans: Iterable[ReceivedSpan]) -> list[ReceivedSpan]:
    """Parents before their children, and each one's children by time."""
    spans = sorted(spans, key=lambda span: span.begun)

    def below(parent_id: str) -> list[ReceivedSpan]:
        children = [span for span in spans if span.parent_id == parent_id]
        return [found for span in children for found in [span, *below(span.span_id)]]

    return below("")


def depth(span: ReceivedSpan, spans: list[ReceivedSpan]) -> int:
    """How many spans a span is below."""
    parent = next((s for s in spans if s.span_id == span.parent_id), None)
    return 0 if parent is None else 1 + depth(parent, spans)


def draw(spans: list[ReceivedSpan], invocations: list[ReceivedSpan]) -> str:
    """The picture, as SVG."""
    begun = min(span.begun for span in [*spans, *invocations])
    ended = max(span.ended for span in [*spans, *invocations])
    height = TOP + ROW * len(spans) + 34

    def x(at: float) -> float:
        return round(LEFT + (at - begun) / (ended - begun) * (WIDTH - LEFT - 20), 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="12" fill="#222">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
    ]
    for number, span in enumerate(invocations, 1):
        left, width = x(span.begun), round(x(span.ended) - x(span.begun), 1)
        kind = "cold" if span.attributes["faas.coldstart"] else "warm"
        parts += [
            f'<rect x="{left}" y="{TOP - 8}" width="{width}" height="{height - TOP - 18}" '
            f'fill="{BAND}"/>',
            f'<text x="{left + 4}" y="{TOP - 32}">invocation {number} ({kind})</text>',
            f'<text x="{left + 4}" y="{TOP - 17}" fill="#666">{width_ms(span)}, until '
            f"{span.attributes['temporal_lambda.stop_reason']}</text>",
        ]
    for row, span in enumerate(spans):
        y = TOP + ROW * row
        bar = max(2.0, x(span.ended) - x(span.begun))
        indent = 10 + 14 * depth(span, spans)
        parts += [
            f'<text x="{indent}" y="{y + 12}">{escape(span.name)}</text>',
            f'<rect x="{x(span.begun)}" y="{y + 2}" width="{bar:.1f}" height="13" rx="2" '
            f'fill="{colour(span)}"><title>{escape(span.name)}: {width_ms(span)}</title></rect>',
        ]
    for second in range(int(ended - begun) + 1):
        at = x(begun + second)
        parts.append(
            f'<line x1="{at}" y1="{TOP - 8}" x2="{at}" y2="{height - 26}" stroke="#bbb" '
            f'stroke-dasharray="2 4"/><text x="{at}" y="{height - 10}" fill="#666" '
            f'text-anchor="middle">{second} s</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def width_ms(span: ReceivedSpan) -> str:
    """How long it took."""
    return f"{(span.ended - span.begun) * 1000:.0f} ms"


def colour(span: ReceivedSpan) -> str:
    """By who made it: the caller, Temporal's interceptor, or the example's code."""
    if span.resource["service.name"] == "shop":
        return CALLER
    return TEMPORAL if ":" in span.name else OWN


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.write_text(draw(*asyncio.run(run_example())))
    print(f"wrote {target}")
