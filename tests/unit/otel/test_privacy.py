"""What leaves with spans, and what a redaction keeps back."""

from __future__ import annotations

from tests.support.otlp import receiving
from tests.support.telemetry_process import run

FAILS = """
    provide()
    def redact(config):
        config.redact = REDACT
    def fail():
        tracer = trace.get_tracer("shop")
        try:
            known = {"card": "4111", "cents": 42}
            with tracer.start_as_current_span("pay", attributes=known) as span:
                span.set_attribute("cards", ["4111", "other"])
                span.set_attributes({"to": "jane 4111"})
                span.add_event("asked", {"about": "4111"})
                raise ValueError("card 4111 declined")
        except ValueError:
            pass
    invoke(0, None, fail, redact, errors=["work: card 4111"])
    (span,) = [span for span in memory.get_finished_spans() if span.name == "pay"]
    tell(
        attributes=dict(span.attributes), status=span.status.description,
        events=[{name: value for name, value in event.attributes.items()} for event in span.events],
        all=[found.to_json() for found in memory.get_finished_spans()],
    )
"""


def test_redaction_sees_attributes_events_and_statuses_whoever_exports_them() -> None:
    code = FAILS.replace("REDACT", "lambda text: text.replace('4111', '****')")
    told, _ = run(code, OTEL_METRICS_EXPORTER="none")
    assert told["attributes"] == {
        "card": "****",
        "cents": 42,
        "cards": ["****", "other"],
        "to": "jane ****",
        "faas.invocation_id": "r-0",
    }
    assert told["status"] == "ValueError: card **** declined"
    asked, raised = told["events"]
    assert asked == {"about": "****"}
    assert raised["exception.message"] == "card **** declined"
    assert "4111" not in raised["exception.stacktrace"]
    assert [span for span in told["all"] if "4111" in span and "errors" not in span] == []


def test_without_one_all_of_it_leaves() -> None:
    told, _ = run(FAILS.replace("REDACT", "None"), OTEL_METRICS_EXPORTER="none")
    assert told["attributes"]["card"] == "4111"
    assert told["status"] == "ValueError: card 4111 declined"


def test_text_whose_redaction_fails_stays() -> None:
    told, _ = run(FAILS.replace("REDACT", "lambda text: text[1000]"), OTEL_METRICS_EXPORTER="none")
    assert told["attributes"]["card"] == "(redact failed: IndexError)"
    assert [span for span in told["all"] if "4111" in span] == []


def test_error_of_megabytes_takes_no_other_span_along() -> None:
    """A batch of 4 MiB is refused as a whole."""
    with receiving() as receiver:
        _, log = run(
            """
            def fail():
                with trace.get_tracer("shop").start_as_current_span("bystander"):
                    pass
                try:
                    with trace.get_tracer("shop").start_as_current_span("fails"):
                        raise ValueError("x" * 5_000_000)
                except ValueError:
                    pass
            invoke(0, None, fail, errors=["work: " + "x" * 4_000])
            tell()
            """,
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
        )
    # Some versions of the SDK say that they cut a text.
    assert {line.partition(" exceeds")[0] for line in log} <= {"WARNING String attribute value"}
    assert {span.name for span in receiver.spans} == {"bystander", "fails", "invocation"}


def test_limit_of_the_environment_is_kept() -> None:
    with receiving() as receiver:
        run(
            """
            def say():
                trace.get_tracer("shop").start_span("says", attributes={"text": "x" * 100}).end()
            invoke(0, None, say)
            tell()
            """,
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
            OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT="10",
        )
    assert receiver.named("says")[0].attributes["text"] == "x" * 10
