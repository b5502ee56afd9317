"""What belongs to an invocation: its ids are on what it makes, and on nothing before or after."""

from __future__ import annotations

from tests.support.telemetry_process import run


def test_span_of_a_wrapper_has_its_own_invocations_id_and_never_the_last_ones() -> None:
    """A layer starts its span before the handler, and ends it after."""
    told, _ = run(
        """
        provide()
        layer = trace.get_tracer("layer")
        for number in range(3):
            known = {"faas.invocation_id": f"r-{number}"} if number else {}
            with layer.start_as_current_span("layer", attributes=known):
                invoke(number)
            layer.start_span("between").end()
        tell(spans=[(s.name, s.attributes.get("faas.invocation_id"))
                    for s in memory.get_finished_spans()])
        """,
        OTEL_METRICS_EXPORTER="none",
    )
    assert told["spans"] == [
        ["invocation", "r-0"],
        ["layer", None],
        ["between", None],
        ["invocation", "r-1"],
        ["layer", "r-1"],
        ["between", None],
        ["invocation", "r-2"],
        ["layer", "r-2"],
        ["between", None],
    ]


def test_line_after_an_invocation_has_nothing_of_it() -> None:
    told, _ = run(
        """
        from temporal_lambda.otel.log_fields import fields_of
        provide()
        inside = []
        invoke(0, OtelOptions(logs=True), lambda: inside.append(dict(fields_of({}))))
        tell(inside=sorted(name for name, value in inside[0].items() if value),
             after=[name for name, value in fields_of({}) if value])
        """,
        OTEL_METRICS_EXPORTER="none",
    )
    assert told == {"inside": ["request_id", "span_id", "trace_id"], "after": []}


def test_end_of_one_invocation_is_not_the_end_of_the_next() -> None:
    told, _ = run(
        """
        from temporal_lambda.otel.current import CURRENT
        first, second = (
            LambdaWorkerConfig(invocation=InvocationInfo(name)) for name in ("first", "second")
        )
        CURRENT.begin(first)
        CURRENT.begin(second)
        first.invocation.over()
        tell(left=CURRENT.request_id)
        """
    )
    assert told == {"left": "second"}
