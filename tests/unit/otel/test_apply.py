"""The provider that takes the spans: whose it is, and what is made of it.

OpenTelemetry's global provider can be set once, so each test runs a process of its own.
"""

from __future__ import annotations

import pytest

from tests.support.telemetry_process import run

HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"

X_RAY = {"_X_AMZN_TRACE_ID": HEADER}


def test_defaults_set_one_provider_once_and_its_ids_are_those_of_x_ray() -> None:
    told, log = run(
        """
        import os, time
        seen = []
        for number in range(3):
            config = LambdaWorkerConfig(invocation=InvocationInfo(f"r-{number}"))
            # As computed from the time that is left.
            seconds = timedelta(seconds=number + 1)
            policy = "interval" if number else "always"
            options = OtelOptions(
                flush=policy, flush_timeout=seconds, metric_periodicity=seconds, logs=False
            )
            apply_defaults(config, options)
            seen.append((
                id(trace.get_tracer_provider()), id(config.client_connect_config["runtime"]),
                len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd")),
            ))
        for name in ("another", "another", "a third"):
            other = LambdaWorkerConfig()
            apply_defaults(other, OtelOptions(service_name=name))
        root = trace.get_tracer("t").start_span("s", context=trace.context_api.Context())
        tell(
            same=len(set(seen)) == 1,
            safe=isinstance(trace.get_tracer_provider(), ReplaySafeTracerProvider),
            plugins=len(config.worker_config["plugins"]), steps=len(config.invocation.last_steps),
            begins=int(f"{root.get_span_context().trace_id:032x}"[:8], 16) - int(time.time()),
            runtimes=other.client_connect_config["runtime"]
                is not config.client_connect_config["runtime"],
        )
        """
    )
    assert told["begins"] in (-1, 0)
    del told["begins"]
    assert told == {"same": True, "safe": True, "plugins": 1, "steps": 1, "runtimes": True}
    (line,) = log
    assert (
        "spans are still sent to http://127.0.0.1:1 for the service temporal-lambda-worker" in line
    )


def test_provider_that_is_set_is_kept_and_made_safe_for_workflows() -> None:
    told, log = run(
        """
        provider = provide()
        early = trace.get_tracer("early")
        config = LambdaWorkerConfig(invocation=InvocationInfo("r-1"))
        apply_defaults(config)
        assert adoption.workflows_can_be_traced()
        for tracer in (early, trace.get_tracer("early"), trace.get_tracer("late")):
            with tracer.start_as_current_span("s"):
                pass
        tell(
            kept=trace.get_tracer_provider() is provider,
            safe=isinstance(provider, ReplaySafeTracerProvider),
            still=isinstance(provider, TracerProvider),
            resource=provider.resource.attributes["telemetry.sdk.name"],
            spans=len(memory.get_finished_spans()),
            named=[s.attributes["faas.invocation_id"] for s in memory.get_finished_spans()],
            flushed=provider.force_flush(),
            generator=type(early.id_generator).__name__,
        )
        """
    )
    assert told == {
        "kept": True,
        "safe": True,
        "still": True,
        "resource": "opentelemetry",
        "spans": 3,
        "named": ["r-1"] * 3,
        "flushed": True,
        "generator": "TemporalIdGenerator",
    }
    assert log == ["INFO the global tracer provider, a TracerProvider, was made safe for workflows"]


@pytest.mark.parametrize(
    ("set_up", "said"),
    [
        ("", "no tracer provider is set"),
        ("trace.set_tracer_provider(trace.NoOpTracerProvider())", "a NoOpTracerProvider, can't"),
    ],
    ids=["none", "of another kind"],
)
def test_without_a_provider_that_will_do_there_are_no_spans_and_one_warning(
    set_up: str, said: str
) -> None:
    told, log = run(
        f"""
        {set_up}
        for _ in range(3):
            config = LambdaWorkerConfig()
            apply_tracing(config)
            plugin, = config.worker_config["plugins"]
            untouched = {{"interceptors": []}}
            result = plugin.configure_worker(untouched)
        tell(same=result == {{"interceptors": []}}, steps=len(config.invocation.last_steps))
        """
    )
    assert told == {"same": True, "steps": 1}
    (line,) = log
    assert line.startswith("WARNING")
    assert said in line


def test_without_optional_packages_it_goes_on_and_warns_of_each_once() -> None:
    told, log = run(
        """
        for _ in range(2):
            config = LambdaWorkerConfig()
            apply_defaults(config)
        tell(runtime="runtime" in config.client_connect_config)
        """,
        first="""
        import sys
        sys.modules["opentelemetry.sdk.extension.aws.trace"] = None
        sys.modules["opentelemetry.exporter.otlp.proto.grpc.exporter"] = None
        """,
    )
    assert told == {"runtime": True}
    assert len(log) == 3
    assert "opentelemetry-sdk-extension-aws is not installed" in log[0]
    assert "spans are not exported" in log[1]
    assert "metrics are not exported" in log[2]


def test_metrics_are_switched_off_as_anywhere_else() -> None:
    told, log = run(
        """
        import threading
        config = LambdaWorkerConfig(invocation=InvocationInfo("r-1"))
        apply_defaults(config)
        tell(runtime="runtime" in config.client_connect_config,
             threads=[t.name for t in threading.enumerate() if "metrics" in t.name])
        """,
        OTEL_METRICS_EXPORTER="none",
    )
    assert told == {"runtime": False, "threads": []}
    assert log == []


def test_runtime_of_the_users_own_is_kept() -> None:
    told, log = run(
        """
        for _ in range(2):
            config = LambdaWorkerConfig(client_connect_config={"runtime": "mine"})
            apply_defaults(config)
        tell(runtime=config.client_connect_config["runtime"])
        """
    )
    assert told == {"runtime": "mine"}
    (line,) = log
    assert "is kept" in line


@pytest.mark.parametrize("wrap", ["", "ReplaySafeMeterProvider"], ids=["as it is", "replay-safe"])
def test_meter_provider_that_is_set_gets_cores_metrics(wrap: str) -> None:
    told, _ = run(
        """
        from opentelemetry import metrics
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from temporal_lambda.otel.telemetry import telemetry_for
        from temporal_lambda.otel.options import resolve
        reader = InMemoryMetricReader()
        from temporalio.contrib.opentelemetry import ReplaySafeMeterProvider
        metrics.set_meter_provider(WRAP(MeterProvider([reader], shutdown_on_exit=False)))
        config = LambdaWorkerConfig()
        apply_defaults(config)
        meter = config.client_connect_config["runtime"].metric_meter
        meter.create_counter("mine").add(3, {"a": "b"})
        telemetry_for(resolve(OtelOptions())).metrics.export.request().result(timeout=10)
        data = reader.get_metrics_data()
        tell(metrics=[
            (m.name, dict(point.attributes))
            for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics
            for point in m.data.data_points
        ])
        """.replace("WRAP", wrap)
    )
    # No name of a service beside that of the resource.
    assert ["mine", {"a": "b"}] in told["metrics"]


@pytest.mark.parametrize("first", [True, False])
def test_plugin_of_temporals_beside_ours_records_spans_once(first: bool) -> None:
    told, _ = run(
        """
        from temporalio.contrib.opentelemetry import OpenTelemetryPlugin
        from temporalio.client import Client
        from temporalio.worker import UnsandboxedWorkflowRunner
        config = LambdaWorkerConfig()
        theirs = OpenTelemetryPlugin(add_temporal_spans=True)
        if FIRST:
            config.worker_config["plugins"] = [theirs]
        apply_defaults(config, OtelOptions(add_temporal_spans=True))
        if not FIRST:
            config.worker_config["plugins"].append(theirs)
        made = config.worker_config
        made["workflow_runner"] = UnsandboxedWorkflowRunner()
        made["client"] = asyncio.run(Client.connect("127.0.0.1:1", lazy=True))
        for plugin in made["plugins"]:
            made = plugin.configure_worker(made)
        tell(interceptors=[type(found).__name__ for found in made["interceptors"]])
        """.replace("FIRST", str(first))
    )
    assert told == {"interceptors": ["OpenTelemetryInterceptor"]}


def test_configuration_of_another_module_is_named() -> None:
    from temporalio.contrib.aws.lambda_worker import LambdaWorkerConfig as Theirs

    from temporal_lambda.errors import ConfigureError
    from temporal_lambda.otel import apply_defaults

    with pytest.raises(ConfigureError, match=r"got a temporalio\.contrib"):
        apply_defaults(Theirs())  # type: ignore[arg-type] # The mistake this is about.
