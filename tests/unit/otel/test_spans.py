"""The span of an invocation, and its X-Ray parent; each in a process of its own."""

from __future__ import annotations

import pytest
from opentelemetry.trace import TraceFlags

from temporal_lambda.otel import xray
from tests.support.otlp import receiving
from tests.support.telemetry_process import run

HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
ARN = "arn:aws:lambda:us-east-1:123456789012:function:orders"

X_RAY = {"_X_AMZN_TRACE_ID": HEADER}


SPAN = f"""
provide()
info = InvocationInfo("request-1", "{ARN}:live", cold=True, begun_at=1000.0)
span = spans.InvocationSpan(info)
with trace.get_tracer("mine").start_as_current_span("child"):
    pass
report = {{**info.report(), "stop_reason": "idle", "tasks": {{"activity": 2}}, "errors": ERRORS}}
span.end(report)
child, own = memory.get_finished_spans()
tell(
    name=own.name, attributes=dict(own.attributes), begun=own.start_time, kind=own.kind.name,
    trace=f"{{own.context.trace_id:032x}}", child=child.parent.span_id == own.context.span_id,
    parent=own.parent and f"{{own.parent.span_id:016x}}", status=own.status.status_code.name,
    links=[f"{{link.context.trace_id:032x}}" for link in own.links],
)
"""


def test_span_of_an_invocation_belongs_to_the_segment_of_x_ray() -> None:
    told, _ = run(
        SPAN.replace("ERRORS", "[]"),
        _X_AMZN_TRACE_ID=HEADER + ";Lineage=1:a87bd80c:0",
        AWS_LAMBDA_FUNCTION_NAME="orders",
    )
    assert told == {
        "name": "orders",
        "kind": "SERVER",
        "begun": 1_000_000_000_000,
        "trace": "5759e988bd862e3fe1be46a994272793",
        "parent": "53995c3f42cd8ad8",
        "child": True,
        "links": [],
        "status": "UNSET",
        "attributes": {
            "faas.trigger": "other",
            "faas.coldstart": True,
            "faas.invocation_id": "request-1",
            "aws.lambda.invoked_arn": f"{ARN}:live",
            "cloud.resource_id": ARN,
            "temporal_lambda.stop_reason": "idle",
            "temporal_lambda.abandoned": 0,
            "temporal_lambda.tasks.activity": 2,
        },
    }


def test_segment_that_is_not_sampled_is_linked_and_no_parent() -> None:
    told, _ = run(
        SPAN.replace("ERRORS", "[]"), _X_AMZN_TRACE_ID=HEADER.replace("Sampled=1", "Sampled=0")
    )
    assert told["parent"] is None
    assert told["links"] == ["5759e988bd862e3fe1be46a994272793"]


@pytest.mark.parametrize(
    ("options", "environ"),
    [("OtelOptions(follow_x_ray=True)", {}), ("None", {"OTEL_TRACES_SAMPLER": "xray"})],
    ids=["option", "variable"],
)
def test_what_x_ray_leaves_out_is_left_out_where_it_is_followed(
    options: str, environ: dict[str, str]
) -> None:
    code = f"""
        import os
        from temporal_lambda.otel.providers import watch_spans
        def work():
            trace.get_tracer("shop").start_span("child").end()
            seen.append(trace.get_current_span().get_span_context())
        seen = []
        for sampled in (0, 1):
            os.environ["_X_AMZN_TRACE_ID"] = "{HEADER}".replace("Sampled=1", f"Sampled={{sampled}}")
            invoke(sampled, {options}, work)
        tell(traces=[f"{{context.trace_id:032x}}" for context in seen],
             sampled=[context.trace_flags.sampled for context in seen])
    """
    with receiving() as receiver:
        told, log = run(code, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint, **environ)
    assert told["traces"] == ["5759e988bd862e3fe1be46a994272793"] * 2
    assert told["sampled"] == [False, True]
    assert sorted(span.name for span in receiver.spans) == ["child", "invocation"]
    assert log == []


def test_span_of_a_layer_around_the_handler_is_the_parent() -> None:
    code = SPAN.replace("ERRORS", "[]").replace(
        "span = spans.InvocationSpan(info)",
        "layer = trace.get_tracer('layer').start_span('handler')\n"
        "trace.context_api.attach(trace.set_span_in_context(layer))\n"
        "span = spans.InvocationSpan(info)\n"
        "expected = f'{layer.get_span_context().span_id:016x}'",
    )
    told, _ = run(code + "assert f'{own.parent.span_id:016x}' == expected", **X_RAY)
    assert told["kind"] == "INTERNAL"


def test_error_of_the_invocation_is_the_status_of_its_span() -> None:
    told, _ = run(SPAN.replace("ERRORS", "['connect: ConnectError: no']"))
    assert told["status"] == "ERROR"


@pytest.mark.parametrize(
    "header",
    ["", "Root=1-5759e988-bd862e3fe1be46a994272793", HEADER.replace("5759e988", "xyz"), "Self=1"],
)
def test_broken_header_names_no_span(header: str) -> None:
    assert xray.span_context(header) is None


def test_header_is_read_in_any_order() -> None:
    context = xray.span_context("Sampled=0; Parent=53995c3f42cd8ad8; " + HEADER.split(";")[0])
    assert context
    assert context.trace_flags == TraceFlags.DEFAULT
    assert context.is_remote
