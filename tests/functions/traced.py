"""A worker with telemetry; ``SCENARIO`` says what is special about it."""

from __future__ import annotations

import gc
import math
import os
import signal
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from aws_lambda_powertools import Logger
from common import VERSION, event
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from temporalio import activity
from temporalio.contrib.opentelemetry import ReplaySafeMeterProvider
from temporalio.worker import WorkerTuner
from traced_workflows import Order, Stuck, block, charge, stuck
from workflows import RunActivity

from temporal_lambda import LambdaWorkerConfig, run_worker
from temporal_lambda.handler import make_handler
from temporal_lambda.otel import OtelOptions, apply_defaults
from temporal_lambda.otel.options import resolve
from temporal_lambda.otel.telemetry import telemetry_for
from temporal_lambda.runtime.work_strategy import ServeTaskQueue, Stop, Work

SCENARIO = os.environ.get("SCENARIO", "plain")

if SCENARIO == "global provider":
    # As a layer or a user's own code does before anything of ours runs.
    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    if os.environ.get("OTEL_METRICS_EXPORTER") != "none":
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(), math.inf)
        resource = Resource.create({"shop": "mine"})
        metrics.set_meter_provider(ReplaySafeMeterProvider(MeterProvider([reader], resource)))


powertools = Logger(service="shop")


@activity.defn
async def notify(name: str) -> None:
    powertools.info("notified", extra={"customer": name})


def configure(config: LambdaWorkerConfig) -> None:
    # Workflows that the last worker left unfinished go now, rather than at some other time.
    gc.collect()
    if SCENARIO != "no telemetry":
        add_telemetry(config)
    config.worker_config["task_queue"] = os.environ["QUEUE"]
    config.worker_config["workflows"] = [Order, Stuck, RunActivity]
    config.worker_config["activities"] = [charge, stuck, block, notify]
    config.worker_config["activity_executor"] = ThreadPoolExecutor(4)
    config.worker_config["sticky_queue_schedule_to_start_timeout"] = timedelta(seconds=2)
    # After the flush.
    config.invocation.last_steps.append(("tell", tell))
    if SCENARIO == "killed" and not (armed := Path(os.environ["ARMED"])).exists():
        armed.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if SCENARIO == "broken callback":
        raise RuntimeError("the callback broke")
    if SCENARIO == "no connection":
        config.client_connect_config["target_host"] = "127.0.0.1:1"


def add_telemetry(config: LambdaWorkerConfig) -> None:
    apply_defaults(
        config,
        OtelOptions(
            add_temporal_spans=True,
            logs=SCENARIO == "logs",
            export_logs=SCENARIO == "logs",
            flush=os.environ.get("FLUSH", "always"),  # type: ignore[arg-type] # Checked when used.
        ),
    )


async def configure_and_tear_down(config: LambdaWorkerConfig) -> AsyncIterator[None]:
    configure(config)
    yield
    with trace.get_tracer("shop").start_as_current_span("tidy up"):
        pass
    raise RuntimeError("the teardown broke")


def configure_quickly(config: LambdaWorkerConfig) -> None:
    """A worker that neither looks for idleness nor closes softly, which takes a second."""
    configure(config)
    config.worker_config["tuner"] = WorkerTuner.create_fixed()
    config.idle_timeout = None


def tell() -> None:
    """Tell the test what this process has, and what the flush has left behind."""
    names = [task.read_text().strip() for task in Path("/proc/self/task").glob("*/comm")]
    # Core's own pool of threads has some more or less, as the load is.
    threads = [name for name in names if name != "tokio-rt-worker"]
    event(f"threads {len(threads)} files {len(os.listdir('/proc/self/fd'))}")
    event(f"all threads {len(names)}")
    core = telemetry_for(resolve(OtelOptions())).metrics
    if core:
        event(f"not flushed {len(core.buffer.retrieve_updates())}")


class EndAtOnce(ServeTaskQueue):
    async def run(self, work: Work) -> Stop:
        return Stop("result")


class BreakDown(ServeTaskQueue):
    async def run(self, work: Work) -> Stop:
        await work.slots.wait_until_quiet(0.3)
        raise RuntimeError("the strategy broke")


lambda_handler = run_worker(VERSION, configure)
untidy_handler = make_handler(VERSION, configure_and_tear_down, EndAtOnce)
quick_handler = make_handler(VERSION, configure_quickly, EndAtOnce)
broken_handler = make_handler(VERSION, configure, BreakDown)
