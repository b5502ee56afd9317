"""Spans and metrics have arrived when the handler returns, through a real collector."""

from __future__ import annotations

import asyncio
import statistics
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio

from temporal_lambda.local import Function, InvocationRecord, LocalStack
from tests.support.fault_scenario import PROMISED_MS
from tests.support.lambdas import Deploy, Invoke, MakeFunction, events
from tests.support.otlp import Receiver, collecting, receiving
from tests.support.traced import errors_of, records_at_rest, run_order
from tests.support.waiting import until

pytestmark = pytest.mark.usefixtures("clean_log")

ARRIVAL = 2.0
"""Seconds for what the function has sent to come through the collector. The function is frozen."""

ALL_OF_CORE = "not flushed 0"
"""What the function tells after its flush if nothing that Core has counted was left behind. An
abandoned worker goes on counting."""

MakeTraced = Callable[..., Function]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest_asyncio.fixture(loop_scope="session")
async def collector(receiver: Receiver) -> AsyncIterator[str]:
    async with collecting(receiver) as endpoint:
        yield endpoint


@pytest.fixture
def traced(make_function: MakeFunction, collector: str) -> MakeTraced:
    """A function whose telemetry goes through the collector."""

    def make(handler: str = "lambda_handler", scenario: str = "plain", **options: Any) -> Function:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector, "SCENARIO": scenario}
        env |= options.pop("env", {})
        return make_function(f"traced.{handler}", env=env, **options)

    return make


def spans_of(receiver: Receiver, record: InvocationRecord) -> list[Any]:
    """The spans that invocations make of themselves."""
    return [s for s in receiver.of_request(record.request_id) if s.name == record.function]


async def arrived(receiver: Receiver, record: InvocationRecord) -> Any:
    """The span of an invocation that has ended."""
    await asyncio.wait_for(until(lambda: spans_of(receiver, record)), ARRIVAL)
    (span,) = spans_of(receiver, record)
    return span


@pytest.mark.alone
async def test_invocation_of_a_second_sends_its_span_and_cores_counters(
    traced: MakeTraced, invoke: Invoke, receiver: Receiver
) -> None:
    function = traced()
    first = await invoke(function)
    span = await arrived(receiver, first)
    assert first.report
    assert first.duration_ms < 1_500
    assert ALL_OF_CORE in events(first)
    assert span.attributes["faas.coldstart"] is True
    assert span.attributes["faas.invocation_id"] == first.request_id
    assert span.attributes["cloud.resource_id"] == function.arn
    assert span.attributes["temporal_lambda.stop_reason"] == "idle"
    assert span.resource["service.name"] == function.name
    assert span.resource["cloud.platform"] == "aws_lambda"
    # From the handler's entry to the flush.
    assert 0 < first.report["duration_ms"] / 1000 - (span.ended - span.begun) < 0.5
    await until(lambda: receiver.total("temporal_worker_start") == 1)
    assert receiver.total("temporal_lambda.invocations", cold=True, stop_reason="idle") == 1
    assert receiver.total("temporal_lambda.billed_duration") > 1_000

    second = await invoke(function)
    span = await arrived(receiver, second)
    assert span.attributes["faas.coldstart"] is False
    await until(lambda: receiver.total("temporal_worker_start") == 2)
    assert receiver.total("temporal_lambda.invocations") == 2


async def test_all_has_arrived_when_the_handler_returns(
    make_function: MakeFunction, invoke: Invoke, receiver: Receiver
) -> None:
    receiver.delay = 0.3
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}
    for number in (1, 2):
        record = await invoke(make_function("traced.quick_handler", env=env))
        # At once: nobody waits for it here.
        assert len(spans_of(receiver, record)) == 1
        assert receiver.total("temporal_worker_start") == number


async def test_workflow_across_two_invocations_is_one_trace(
    stack: LocalStack, traced: MakeTraced, deploy: Deploy, receiver: Receiver
) -> None:
    deployed = await deploy(traced())
    workflow_id = await run_order(stack, deployed.task_queue, pause=2.5)
    records = await records_at_rest(stack, deployed.function)
    for record in records:
        await arrived(receiver, record)

    (run,) = receiver.named("RunWorkflow:Order")
    (order,) = receiver.named("order")
    trace = [span for span in receiver.spans if span.trace_id == run.trace_id]
    by_id = {span.span_id: span for span in trace}
    assert len(by_id) == len(trace) == 8
    assert run.parent_id == ""
    assert run.attributes["temporalWorkflowID"] == workflow_id
    assert by_id[order.parent_id] is run
    for name, parent in [
        ("StartActivity:charge", "order"),
        ("RunActivity:charge", "StartActivity:charge"),
        ("card", "RunActivity:charge"),
    ]:
        spans = receiver.named(name)
        assert [by_id[span.parent_id].name for span in spans] == [parent, parent]
        assert len({span.attributes["faas.invocation_id"] for span in spans}) == 2
    assert len({span.parent_id for span in receiver.named("card")}) == 2

    # Every counter that the two invocations, and the one that bound the queue, have moved.
    answered = {"RespondActivityTaskCompleted": 2, "RespondWorkflowTaskCompleted": 4}
    for operation, times in answered.items():
        # Metrics are sent beside the spans that have arrived.
        await receiver.counts(times, "temporal_request", operation=operation)
    await receiver.counts(1, "temporal_workflow_completed")
    await receiver.counts(2, "temporal_activity_execution_latency", activity_type="charge")
    await receiver.counts(len(records), "temporal_worker_start")
    assert receiver.total("temporal_lambda.invocations") == len(records)
    assert receiver.total("faas.invoke_duration") == len(records)
    assert receiver.total("orders_started") == 1
    # What was there while workers lived, although they have closed since.
    assert receiver.total("temporal_num_pollers", poller_type="workflow_task") > 0
    assert errors_of(records) == []


@pytest.mark.parametrize(("activity", "stop_reason"), [("stuck", "deadline"), ("block", "error")])
async def test_deadline_with_an_activity_that_will_not_stop(
    activity: str,
    stop_reason: str,
    stack: LocalStack,
    traced: MakeTraced,
    deploy: Deploy,
    receiver: Receiver,
) -> None:
    """One is stuck in a thread, the other blocks the event loop."""
    deployed = await deploy(traced(seconds=5, retries=0))
    await stack.client.start_workflow(
        "Stuck",
        args=[activity, 14.0],
        id=f"stuck-{uuid.uuid4().hex[:8]}",
        task_queue=deployed.task_queue,
    )
    record = await stack.service.wait_for_record(
        lambda r: r.function == deployed.function.name and bool(r.report and r.report["abandoned"]),
        30,
    )
    assert record.duration_ms < 5_000 - PROMISED_MS
    assert record.report
    span = await arrived(receiver, record)
    assert span.attributes["temporal_lambda.stop_reason"] == stop_reason
    assert span.attributes["temporal_lambda.abandoned"] == len(record.report["abandoned"])
    sent = [span.name for span in receiver.of_request(record.request_id)]
    assert {"before it sticks", f"StartActivity:{activity}"} <= set(sent)
    await until(lambda: receiver.total("temporal_lambda.abandoned") > 0)
    assert receiver.total("temporal_activity_task_received", activity_type=activity) == 1


@pytest.mark.parametrize(
    ("handler", "scenario", "error", "counter"),
    [
        ("broken_handler", "plain", "the strategy broke", "temporal_worker_start"),
        ("lambda_handler", "no connection", "127.0.0.1:1", "temporal_lambda.invocations"),
        ("lambda_handler", "broken callback", "the callback broke", "temporal_lambda.invocations"),
        ("untidy_handler", "plain", "the teardown broke", "temporal_worker_start"),
    ],
)
async def test_invocation_that_fails(
    handler: str,
    scenario: str,
    error: str,
    counter: str,
    traced: MakeTraced,
    invoke: Invoke,
    receiver: Receiver,
) -> None:
    record = await invoke(traced(handler, scenario))
    assert record.status == "error"
    assert error in (record.error or "")
    assert ALL_OF_CORE in events(record)
    span = await arrived(receiver, record)
    assert span.failed
    untidy = handler == "untidy_handler"
    assert span.attributes["temporal_lambda.stop_reason"] == ("result" if untidy else "error")
    # What the code after the yield makes has left as well.
    assert len(receiver.named("tidy up")) == untidy
    await until(lambda: receiver.total(counter) == 1)
    assert receiver.total("temporal_lambda.invocations", failed=True) == 1


async def test_span_of_an_invocation_is_part_of_the_callers_x_ray_trace(
    stack: LocalStack, traced: MakeTraced, receiver: Receiver
) -> None:
    function = stack.create(traced("quick_handler"))
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    record, _ = await stack.service.invoke(function, b"{}", trace_id=header)
    span = await arrived(receiver, record)
    assert (span.trace_id, span.parent_id) == (
        "5759e988bd862e3fe1be46a994272793",
        "53995c3f42cd8ad8",
    )
    # What Lambda sends when nobody samples, as the local one does.
    record, _ = await stack.service.invoke(function, b"{}")
    span = await arrived(receiver, record)
    assert span.parent_id == ""
    assert len(span.links) == 1


async def test_provider_that_is_set_already_is_used_for_workflows(
    stack: LocalStack, traced: MakeTraced, deploy: Deploy, receiver: Receiver
) -> None:
    deployed = await deploy(traced(scenario="global provider"))
    await run_order(stack, deployed.task_queue, pause=0)
    for record in await records_at_rest(stack, deployed.function):
        await arrived(receiver, record)
    (run,) = receiver.named("RunWorkflow:Order")
    assert len([span for span in receiver.spans if span.trace_id == run.trace_id]) == 8
    # Its resource is its own.
    assert "faas.name" not in run.resource
    await until(lambda: shops_of(receiver, "temporal_worker_start") == {"mine"})
    await until(lambda: shops_of(receiver, "orders_started") == {"mine"})
    assert receiver.total("orders_started") == 1


def shops_of(receiver: Receiver, name: str) -> set[object]:
    """Which providers have sent a metric, by what their resources say."""
    return {value.resource.get("shop") for value in receiver.values if value.name == name}


# They take half a minute, and several times that on a busy machine.
@pytest.mark.timeout(400)
async def test_200_warm_invocations_add_nothing(
    traced: MakeTraced, invoke: Invoke, receiver: Receiver
) -> None:
    function = traced("quick_handler", scenario="logs")
    warm_up, warm = 50, 200
    records = [await invoke(function) for _ in range(warm_up + warm)]
    assert [(r.number, r.error, r.log) for r in records if r.status != "success"] == []
    assert len({record.pid for record in records}) == 1
    assert len({counts(record) for record in records[10:]}) == 1
    # Core's pool may need one more at times, but not one more with each so many invocations.
    assert all_threads(records[-20:]) - all_threads(records[10:30]) <= 3
    before, after = records[warm_up - 20 : warm_up], records[-20:]
    assert megabytes(after) - megabytes(before) <= 5

    await until(lambda: receiver.total("temporal_worker_start") == warm_up + warm)
    await until(lambda: len(receiver.named(function.name)) == warm_up + warm)


def counts(record: InvocationRecord) -> str:
    """Threads and files of the process at the end of an invocation."""
    (line,) = [line for line in events(record) if line.startswith("threads")]
    return line


def all_threads(records: list[InvocationRecord]) -> int:
    """The most threads the process has had, Core's included."""
    lines = [line for record in records for line in events(record)]
    return max(int(line.split()[-1]) for line in lines if line.startswith("all threads"))


def megabytes(records: list[InvocationRecord]) -> float:
    """The median of the memory in use."""
    return float(statistics.median(r.report["memory_mb"] for r in records if r.report))


@pytest.mark.alone
async def test_flush_never_leaves_the_handler_at_once(traced: MakeTraced, invoke: Invoke) -> None:
    record = await invoke(traced("quick_handler", env={"FLUSH": "never"}))
    assert record.report
    assert record.report["phases_ms"]["hooks"] < 5
