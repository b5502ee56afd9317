"""The flush at the end of an invocation: bounded, and quiet about what goes wrong again."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import wait
from datetime import timedelta

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from temporal_lambda.otel.background import Background
from temporal_lambda.otel.exporters import SpanBatches, SpanExporter
from temporal_lambda.otel.flush import Flusher
from temporal_lambda.otel.health import Health
from temporal_lambda.otel.options import FlushPolicy, Resolved
from temporal_lambda.otel.variables import Destination
from tests.support.waiting import until

HOOK_TIME = timedelta(seconds=5)


@pytest.fixture
def answers() -> Iterator[threading.Event]:
    """Lets the exports of ``hanging`` end."""
    answers = threading.Event()
    yield answers
    answers.set()


def flusher(
    work: Callable[[], object],
    health: Health,
    *,
    policy: FlushPolicy = "always",
    timeout: float = 5.0,
    interval: float = 60.0,
) -> Callable[[timedelta | None], Awaitable[None]]:
    flusher = Flusher(health, {"spans": Background("test", work)})
    options = Resolved({}, "s", interval, policy, timeout)
    return lambda hook_time: flusher.flush(options, hook_time)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]


async def test_it_waits_until_all_is_sent() -> None:
    sent = threading.Event()

    def send() -> None:
        time.sleep(0.05)
        sent.set()

    await flusher(send, Health({"spans": "c"}))(HOOK_TIME)
    assert sent.is_set()


@pytest.mark.parametrize(
    ("timeout", "hook_time", "said"),
    [
        (0.2, HOOK_TIME, "may be lost: the collector at http://c"),
        (5.0, timedelta(seconds=0.22), "no time left for telemetry"),
        (0.2, None, "may be lost: the collector at http://c"),
    ],
    ids=["its own bound", "the hook's share", "no hook"],
)
async def test_it_takes_no_longer_than(
    timeout: float,
    hook_time: timedelta | None,
    said: str,
    answers: threading.Event,
    caplog: pytest.LogCaptureFixture,
) -> None:
    begun = time.monotonic()
    flush = flusher(answers.wait, Health({"spans": "http://c"}), timeout=timeout)
    await flush(hook_time)
    assert 0.15 < time.monotonic() - begun < 1.0
    (warning,) = warnings(caplog)
    assert said in warning
    assert "spans not accepted within 0.20 s" in warning


async def test_collector_that_stays_away_is_not_waited_for_and_warned_of_once(
    answers: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    flush = flusher(answers.wait, Health({"spans": "c"}), timeout=0.1)
    await flush(HOOK_TIME)
    begun = time.monotonic()
    for _ in range(10):
        await flush(HOOK_TIME)
    assert time.monotonic() - begun < 0.05
    assert len(warnings(caplog)) == 1


async def test_collector_that_comes_back_is_waited_for_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "temporal_lambda")
    sent: list[None] = []
    health = Health({"spans": "c"})
    flush = flusher(lambda: sent.append(None), health)
    health.failed("spans", "it is down")
    await flush(HOOK_TIME)
    assert health.lost
    # It accepts what is sent behind the next invocation's back; the one after that sees it.
    health.succeeded("spans")
    await flush(HOOK_TIME)
    await until(lambda: len(sent) == 2)
    assert health.lost
    await flush(HOOK_TIME)
    assert not health.lost
    assert [r.levelname for r in caplog.records] == ["WARNING", "INFO"]
    assert "it is down" in caplog.records[0].getMessage()
    health.failed("metrics", "down again")
    await flush(HOOK_TIME)
    assert len(warnings(caplog)) == 2


@pytest.mark.parametrize(
    ("gone_by", "back"), [(59.0, False), (61.0, True), (-5.0, True)], ids=["soon", "later", "reset"]
)
async def test_slow_collector_that_is_back_is_noticed_after_a_minute_of_wall_time(
    gone_by: float, back: bool, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slower than a probe, and well within the time it may take."""
    caplog.set_level("INFO", "temporal_lambda")
    health = Health({"spans": "c"})
    flush = flusher(lambda: time.sleep(0.5), health, timeout=4.0)
    health.failed("spans", "it is down")
    await flush(HOOK_TIME)
    health.succeeded("spans")
    await flush(HOOK_TIME)
    assert health.lost
    began = time.time()
    monkeypatch.setattr(time, "time", lambda: began + gone_by)
    await flush(HOOK_TIME)
    assert health.lost is not back
    assert [r.levelname for r in caplog.records] == ["WARNING", "INFO"][: 1 + back]


async def test_warning_names_where_the_signal_goes_that_is_lost(
    answers: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    health = Health({"spans": "the tracer provider's endpoint", "metrics": "http://c"})
    await flusher(answers.wait, health, timeout=0.05)(None)
    health = Health({"spans": "the tracer provider's endpoint", "metrics": "http://c"})
    health.failed("metrics", "it is down")
    await flusher(lambda: None, health)(HOOK_TIME)
    theirs, ours = warnings(caplog)
    assert "the collector at the tracer provider's endpoint does not accept" in theirs
    assert "the collector at http://c does not accept" in ours


@pytest.mark.parametrize("lost", [True, False])
async def test_spans_that_did_not_fit_are_counted_in_one_warning_of_ours(
    lost: bool,
    answers: threading.Event,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "2")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2")
    health = Health({"spans": "http://c"})
    exporter = SpanExporter(Destination("http://127.0.0.1:1", "grpc"), 0.1, health)
    exporting = threading.Event()

    def export(spans: object) -> SpanExportResult:
        exporting.set()
        answers.wait()
        return SpanExportResult.SUCCESS

    monkeypatch.setattr(exporter, "export", export)
    provider = TracerProvider(shutdown_on_exit=False)
    batches = SpanBatches(exporter, health)
    provider.add_span_processor(batches)
    tracer = provider.get_tracer("test")
    for _ in range(2):
        tracer.start_span("taken").end()
    assert await asyncio.to_thread(exporting.wait, 5)
    for _ in range(5):
        tracer.start_span("waits").end()
    if lost:
        health.failed("spans", "it is down")
    flush = flusher(lambda: None, health)
    await flush(HOOK_TIME)
    await flush(HOOK_TIME)
    (line,) = warnings(caplog)
    assert "3 spans were dropped" in line
    assert ("it is down" in line) is lost
    answers.set()
    provider.shutdown()


async def test_flush_that_was_cut_short_says_nothing_about_the_collector(
    answers: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    health = Health({"spans": "c"})
    flush = flusher(answers.wait, health, timeout=2.0)
    for _ in range(2):
        await flush(timedelta(seconds=0.05))
    assert not health.lost
    assert len(warnings(caplog)) == 1
    answers.set()
    await flush(HOOK_TIME)
    answers.clear()
    await flush(timedelta(seconds=0.05))
    assert len(warnings(caplog)) == 2


@pytest.mark.parametrize(
    ("policy", "interval", "expected"),
    [("always", 60.0, 3), ("interval", 60.0, 1), ("interval", 1e-6, 3), ("never", 60.0, 0)],
)
async def test_policy(policy: FlushPolicy, interval: float, expected: int) -> None:
    sent: list[None] = []
    flush = flusher(
        lambda: sent.append(None), Health({"spans": "c"}), policy=policy, interval=interval
    )
    for _ in range(3):
        await flush(HOOK_TIME)
        await asyncio.sleep(0.001)
    assert len(sent) == expected


async def test_flush_that_failed_is_tried_again_before_its_interval_is_over() -> None:
    sent: list[None] = []
    health = Health({"spans": "c"})
    flush = flusher(lambda: sent.append(None), health, policy="interval")
    health.failed("spans", "it is down")
    await flush(HOOK_TIME)
    await flush(HOOK_TIME)
    await until(lambda: len(sent) == 2)
    health.succeeded("spans")
    await flush(HOOK_TIME)
    await flush(HOOK_TIME)
    assert len(sent) == 3


def test_request_is_served_by_work_that_begins_after_it(answers: threading.Event) -> None:
    begun: list[int] = []

    def work() -> None:
        begun.append(len(begun))
        answers.wait()

    background = Background("test", work)
    first = background.request()
    while not begun:
        time.sleep(0.001)
    second, third = background.request(), background.request()
    assert second is third is not first
    answers.set()
    wait([first, second], timeout=5)
    assert begun == [0, 1]


def test_work_that_raises_is_logged_and_does_not_end_the_thread(
    caplog: pytest.LogCaptureFixture,
) -> None:
    background = Background("test", lambda: 1 / 0)
    background.request().result(timeout=5)
    background.request().result(timeout=5)
    assert "ZeroDivisionError" in caplog.text


def test_between_requests_something_else_may_be_done() -> None:
    ticks = threading.Semaphore(0)
    Background("test", lambda: None, every=0.01, between=ticks.release)
    assert ticks.acquire(timeout=5)
    assert ticks.acquire(timeout=5)
