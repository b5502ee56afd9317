"""Log lines that say what they belong to, in both of Lambda's formats."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from awslambdaric import lambda_runtime_log_utils as lambda_logs
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from temporalio.runtime import MetricBuffer, Runtime, TelemetryConfig, TelemetryFilter

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.invocation_info import InvocationInfo
from temporal_lambda.otel import LogFields, apply_logging
from temporal_lambda.otel.current import CURRENT
from temporal_lambda.runtime.core_log import core_logging

TRACE_ID, SPAN_ID = 0x5759E988BD862E3FE1BE46A994272793, 0x53995C3F42CD8AD8
TEXT = "[%(levelname)s]\t%(aws_request_id)s\t%(message)s"
ACTIVITY = {"activity_id": "3", "workflow_id": "order-7", "workflow_run_id": "run-1"}


class Root:
    """The root logger with one handler, as Lambda's runtime leaves it."""

    def __init__(self, formatter: logging.Formatter) -> None:
        self.output = io.StringIO()
        self.handler = logging.StreamHandler(self.output)
        self.handler.setFormatter(formatter)
        self.handler.addFilter(_lambda_filter)

    @property
    def lines(self) -> list[str]:
        return [line for line in self.output.getvalue().splitlines() if line]


def _lambda_filter(record: logging.LogRecord) -> bool:
    record.aws_request_id = "request-1"
    return True


@pytest.fixture
def restore(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Sets a root handler, and puts logging back as it was."""
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in ("temporalio", "temporal_lambda"))]
    before = [(logger, vars(logger).copy(), logger.handlers[:]) for logger in loggers]

    def use(formatter: logging.Formatter, **environ: str) -> Root:
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        own = Root(formatter)
        root.handlers[:] = [own.handler]
        return own

    yield use
    for logger, state, handlers in before:
        logger.propagate = state["propagate"]
        logger.setLevel(state["level"])
        logger.handlers[:] = handlers
    CURRENT.begin(LambdaWorkerConfig())


def switch_on(times: int = 1) -> None:
    for _ in range(times):
        apply_logging(LambdaWorkerConfig(invocation=InvocationInfo("request-1")))


def test_text_line_shows_fields_before_its_message(restore: Any) -> None:
    root = restore(logging.Formatter(TEXT))
    switch_on()
    span = NonRecordingSpan(SpanContext(TRACE_ID, SPAN_ID, False, TraceFlags(1)))
    with trace.use_span(span):
        logging.getLogger("temporalio.activity").warning(
            "it took %d s", 3, extra={"temporal_activity": ACTIVITY}
        )
    assert root.lines == [
        "[WARNING]\trequest-1\t[workflow_id=order-7 activity_id=3 "
        "trace_id=5759e988bd862e3fe1be46a994272793] it took 3 s"
    ]


def test_json_line_has_fields_as_members(restore: Any) -> None:
    root = restore(lambda_logs.JsonFormatter(), AWS_LAMBDA_LOG_FORMAT="JSON")
    switch_on()
    logging.getLogger("temporalio.activity").warning("x", extra={"temporal_activity": ACTIVITY})
    (line,) = map(json.loads, root.lines)
    assert line["message"] == "x"
    assert line["requestId"] == "request-1"
    assert (line["workflow_id"], line["activity_id"], line["run_id"]) == ("order-7", "3", "run-1")
    assert "request_id" not in line  # Lambda's own member says it already.


def test_line_of_an_invocation_alone_has_the_trace_of_its_span(restore: Any) -> None:
    root = restore(lambda_logs.JsonFormatter(), AWS_LAMBDA_LOG_FORMAT="JSON")
    switch_on()
    CURRENT.span_context = SpanContext(TRACE_ID, SPAN_ID, False, TraceFlags(1))
    logging.getLogger("temporal_lambda.report").warning("done")
    assert json.loads(root.lines[0])["trace_id"] == f"{TRACE_ID:032x}"


def test_switching_on_at_each_invocation_adds_no_handler_and_no_line(restore: Any) -> None:
    root = restore(logging.Formatter(TEXT))
    switch_on(times=5)
    logging.getLogger("temporalio").warning("once")
    assert logging.getLogger().handlers == [root.handler]
    assert root.lines == ["[WARNING]\trequest-1\tonce"]


def test_fields_that_a_record_brings_are_left_alone(restore: Any) -> None:
    root = restore(lambda_logs.JsonFormatter(), AWS_LAMBDA_LOG_FORMAT="JSON")
    switch_on()
    logging.getLogger("app").warning("x", extra={"workflow_id": "mine", "trace_id": "theirs"})
    line = json.loads(root.lines[0])
    assert (line["workflow_id"], line["trace_id"]) == ("mine", "theirs")


def test_tracebacks_stay_whole(restore: Any) -> None:
    root = restore(logging.Formatter(TEXT))
    switch_on()
    try:
        raise ValueError("broken")
    except ValueError:
        logging.getLogger("temporalio").exception("x", extra={"temporal_workflow": ACTIVITY})
    assert root.lines[0] == "[ERROR]\trequest-1\t[workflow_id=order-7 activity_id=3] x"
    assert root.lines[-1] == "ValueError: broken"


@pytest.mark.parametrize(
    ("said", "level"),
    [("DEBUG", logging.DEBUG), ("TRACE", logging.DEBUG), ("FATAL", logging.CRITICAL), ("", 0)],
)
def test_level_follows_lambdas(said: str, level: int, restore: Any) -> None:
    restore(logging.Formatter(TEXT), AWS_LAMBDA_LOG_LEVEL=said)
    for name in ("temporalio", "temporal_lambda"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    switch_on()
    assert logging.getLogger("temporalio").level == level
    assert logging.getLogger("temporal_lambda").level == level


def test_level_that_was_set_is_left_alone(restore: Any) -> None:
    restore(logging.Formatter(TEXT), AWS_LAMBDA_LOG_LEVEL="DEBUG")
    logging.getLogger("temporalio").setLevel(logging.ERROR)
    switch_on()
    assert logging.getLogger("temporalio").level == logging.ERROR


def test_handler_that_powertools_gave_to_the_sdk_adds_the_fields(restore: Any) -> None:
    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

    root = restore(logging.Formatter(TEXT))
    output = io.StringIO()
    powertools = Logger(service="orders", stream=output)
    sdk = logging.getLogger("temporalio")
    copy_config_to_registered_loggers(powertools, include={"temporalio"})
    switch_on(times=2)
    powertools.append_keys(customer="c-1")
    powertools.warning("mine")
    sdk.warning("theirs", extra={"temporal_activity": ACTIVITY})
    mine, theirs = map(json.loads, output.getvalue().splitlines())
    assert (mine["message"], mine["customer"], mine["service"]) == ("mine", "c-1", "orders")
    assert (theirs["message"], theirs["workflow_id"]) == ("theirs", "order-7")
    assert theirs["request_id"] == "request-1"
    assert not any("mine" in line for line in root.lines)


def test_logger_of_powertools_shows_the_ids_with_the_public_filter(restore: Any) -> None:
    from aws_lambda_powertools import Logger

    restore(logging.Formatter(TEXT))
    output = io.StringIO()
    powertools = Logger(service="parcels-ids", stream=output)
    powertools.addFilter(LogFields())
    switch_on()
    CURRENT.span_context = SpanContext(TRACE_ID, SPAN_ID, False, TraceFlags(1))
    powertools.info("sold", extra={"temporal_activity": ACTIVITY})
    (line,) = map(json.loads, output.getvalue().splitlines())
    assert (line["message"], line["service"]) == ("sold", "parcels-ids")
    assert (line["workflow_id"], line["request_id"]) == ("order-7", "request-1")
    assert line["trace_id"] == f"{TRACE_ID:032x}"


def test_formatter_that_powertools_gave_to_the_root_stays_its_own(restore: Any) -> None:
    from aws_lambda_powertools import Logger

    restore(logging.Formatter(TEXT))
    output = io.StringIO()
    powertools = Logger(service="parcels", stream=output)
    logging.getLogger().handlers[:] = powertools.handlers
    switch_on(times=2)
    powertools.append_keys(customer="c-1")
    logging.getLogger("app").warning("theirs", extra={"temporal_activity": ACTIVITY})
    (line,) = map(json.loads, output.getvalue().splitlines())
    assert (line["message"], line["customer"]) == ("theirs", "c-1")
    assert line["workflow_id"] == "order-7"


def test_line_of_a_formatter_of_the_users_own_is_not_changed(restore: Any) -> None:
    class AsJson(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            return json.dumps({"said": record.getMessage(), "in": record.__dict__["workflow_id"]})

    root = restore(AsJson())
    switch_on()
    logging.getLogger("app").warning("%s", "x", extra={"temporal_activity": ACTIVITY})
    assert json.loads(root.lines[0]) == {"said": "x", "in": "order-7"}


def test_lines_of_core_are_lambdas_too(restore: Any) -> None:
    root = restore(lambda_logs.JsonFormatter(), AWS_LAMBDA_LOG_FORMAT="JSON")
    switch_on()
    # Core complains of a buffer that is full, on a thread of its own.
    buffer = MetricBuffer(1)
    runtime = Runtime(
        telemetry=TelemetryConfig(metrics=buffer, logging=core_logging(through_python=True))
    )
    counter = runtime.metric_meter.create_counter("c")
    for _ in range(3):
        counter.add(1)
    deadline = time.monotonic() + 20
    while not root.lines and time.monotonic() < deadline:
        time.sleep(0.01)
    line = json.loads(root.lines[0])
    assert "metrics buffer is full" in line["message"]
    assert (line["level"], line["logger"]) == ("ERROR", "temporalio.core")
    assert line["requestId"] == "request-1"
    assert "temporal_log" not in line


@pytest.mark.parametrize(
    ("said", "level"), [("", "WARN"), ("INFO", "INFO"), ("trace", "DEBUG"), ("FATAL", "ERROR")]
)
def test_level_of_core_follows_lambdas(said: str, level: str) -> None:
    chosen = core_logging(through_python=True, environ={"AWS_LAMBDA_LOG_LEVEL": said}).filter
    assert isinstance(chosen, TelemetryFilter)
    assert chosen.core_level == level


def test_context_of_lambda_is_not_needed(restore: Any) -> None:
    root = restore(logging.Formatter("%(message)s"))
    root.handler.filters.clear()
    switch_on()
    logging.getLogger("temporalio").warning("%s", SimpleNamespace(a=1))
    assert root.lines == ["namespace(a=1)"]
