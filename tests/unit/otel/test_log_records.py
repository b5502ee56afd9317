"""Log records as a signal: what is sent, and what is not."""

from __future__ import annotations

import logging

from temporal_lambda.otel.log_records import as_record
from tests.support.otlp import receiving
from tests.support.telemetry_process import run


def test_record_says_what_it_belongs_to_and_is_there_at_the_end() -> None:
    with receiving() as receiver:
        _, log = run(
            """
            def work():
                about = {"activity_id": "3", "workflow_id": "order-7", "workflow_run_id": "run-1"}
                with trace.get_tracer("shop").start_as_current_span("sell"):
                    logging.getLogger("shop").warning(
                        "sold %d", 2, extra={"temporal_activity": about, "cents": 42}
                    )
                try:
                    raise KeyError("4111")
                except KeyError:
                    logging.getLogger("shop").exception("failed 4111")
            def redact(config):
                config.redact = lambda text: text.replace("4111", "****")
            for number in range(2):
                invoke(number, OtelOptions(export_logs=True), work, redact)
            logging.getLogger("opentelemetry.sdk").warning("not of a user")
            tell(handlers=len(logging.getLogger().handlers))
            """,
            OTEL_EXPORTER_OTLP_ENDPOINT=receiver.endpoint,
            AWS_LAMBDA_FUNCTION_NAME="orders",
        )
    sold, failed = receiver.records[:2]
    (sell, _) = receiver.named("sell")
    (own, _) = receiver.named("orders")
    assert (sold.body, sold.severity) == ("sold 2", "WARN")
    assert (sold.trace_id, sold.span_id) == (sell.trace_id, sell.span_id)
    expected = {"workflow_id": "order-7", "activity_id": "3", "run_id": "run-1", "cents": 42}
    assert expected.items() <= sold.attributes.items()
    assert sold.attributes["request_id"] == "r-0"
    assert sold.resource["service.name"] == "orders"
    # The span of the invocation, where there is no other.
    assert (failed.trace_id, failed.span_id) == (own.trace_id, own.span_id)
    assert (failed.body, failed.severity) == ("failed ****", "ERROR")
    assert failed.attributes["exception.type"] == "KeyError"
    assert failed.attributes["exception.message"] == "'****'"
    assert "4111" not in failed.attributes["exception.stacktrace"]
    assert len(receiver.records) == 4
    assert "WARNING sold 2" in log


def test_provider_of_the_users_own_is_flushed_with_the_rest() -> None:
    told, _ = run(
        """
        from opentelemetry._logs import LogRecord, get_logger, set_logger_provider
        from opentelemetry.sdk._logs import LoggerProvider
        from opentelemetry.sdk._logs.export import (
            BatchLogRecordProcessor, InMemoryLogRecordExporter,
        )
        kept = InMemoryLogRecordExporter()
        provider = LoggerProvider(shutdown_on_exit=False)
        provider.add_log_record_processor(BatchLogRecordProcessor(kept))
        set_logger_provider(provider)
        invoke(0, None, lambda: get_logger("shop").emit(LogRecord(body="sold")))
        tell(bodies=[item.log_record.body for item in kept.get_finished_logs()])
        """,
        OTEL_TRACES_EXPORTER="none",
        OTEL_METRICS_EXPORTER="none",
    )
    assert told == {"bodies": ["sold"]}


def test_levels_become_severities() -> None:
    levels = [5, logging.DEBUG, logging.INFO, 25, logging.WARNING, logging.ERROR, logging.CRITICAL]
    records = [logging.LogRecord("shop", level, "", 0, "x", (), None) for level in levels]
    assert [as_record(record).severity_text for record in records] == [
        "TRACE",
        "DEBUG",
        "INFO",
        "INFO",
        "WARN",
        "ERROR",
        "FATAL",
    ]
