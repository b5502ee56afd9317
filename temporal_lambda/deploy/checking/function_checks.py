"""Findings about a Lambda function, from what AWS says of the version that Temporal invokes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from temporalio.common import WorkerDeploymentVersion

from temporal_lambda.deploy.checking.findings import Finding
from temporal_lambda.deploy.checking.open_secrets import DO, WHY, open_secrets
from temporal_lambda.settings.table import SETTINGS, variable
from temporal_lambda.settings.values import duration

START_SECONDS = 10
"""What a function should have beside its shutdown, to start and to do something."""

LEAST_MEMORY_MB = 256
"""An idle worker takes about 100 MB; CPU comes with memory (1 vCPU at 1,769 MB)."""

OLDEST_PYTHON = 10
"""Minor version of the oldest runtime that this package supports."""

SNAPSHOTS_SINCE = 12
"""Minor version of the first Python runtime with SnapStart."""


def check_function(
    configuration: Mapping[str, Any],
    delivery: Mapping[str, Any] | None,
    version: WorkerDeploymentVersion | None = None,
    buffer: float = 0.0,
) -> Iterator[Finding]:
    """Findings about a function.

    Args:
        configuration: What ``GetFunctionConfiguration`` says.
        delivery: What ``GetFunctionEventInvokeConfig`` says of this very version; ``None`` if there
            is nothing.
        version: The build that the server invokes it for.
        buffer: Seconds of ``shutdown_deadline_buffer`` in its code, as far as that is known.
    """
    name = f"{configuration['FunctionName']}:{configuration.get('Version', '$LATEST')}"
    variables = configuration.get("Environment", {}).get("Variables", {})
    yield from _timeout(name, configuration, max(buffer, _buffer_in(variables)))
    yield from _secrets(name, variables)
    yield from _version(name, variables, version)
    yield from _runtime(name, configuration)
    yield from _delivery(name, delivery)
    if configuration["MemorySize"] < LEAST_MEMORY_MB:
        yield Finding(
            "memory",
            "warning",
            f"{name} has {configuration['MemorySize']} MB",
            "CPU comes with memory: the start takes seconds, each of them billed",
            f"give it {LEAST_MEMORY_MB} MB or more",
        )
    if configuration.get("LoggingConfig", {}).get("LogFormat") != "JSON":
        yield Finding(
            "log-format",
            "note",
            f"{name} logs as text",
            "the report of an invocation can then be searched only as text",
            "set the function's log format to JSON",
        )


def _buffer_in(variables: Mapping[str, str]) -> float:
    graceful = _seconds(variables, "graceful_shutdown_timeout")
    if graceful is None:
        graceful = SETTINGS["graceful_shutdown_timeout"].default.total_seconds()
    buffer = _seconds(variables, "shutdown_deadline_buffer")
    return graceful + 2 if buffer is None else buffer


def _timeout(name: str, configuration: Mapping[str, Any], buffer: float) -> Iterator[Finding]:
    least = buffer + START_SECONDS
    if configuration["Timeout"] < least:
        yield Finding(
            "timeout",
            "error",
            f"{name} may run {configuration['Timeout']} s",
            f"the shutdown takes {buffer:g} s of it, so there is no time to work",
            f"set the timeout to {least:g} s or more; it costs nothing with an idle_timeout",
        )


def _seconds(variables: Mapping[str, str], setting: str) -> float | None:
    try:
        return float(duration(variables[variable(setting)]).total_seconds())
    except (KeyError, ValueError):
        return None


def _secrets(name: str, variables: Mapping[str, str]) -> Iterator[Finding]:
    if found := open_secrets(variables):
        yield Finding(
            "secret-in-environment",
            "error",
            f"{name} has credentials in {', '.join(found)}",
            WHY,
            DO,
        )


def _version(
    name: str, variables: Mapping[str, str], version: WorkerDeploymentVersion | None
) -> Iterator[Finding]:
    parts = asdict(version) if version else {}
    for setting, there in parts.items():
        here = variables.get(variable(setting))
        if here and here != there:
            yield Finding(
                "other-version",
                "warning",
                f"{name} is invoked for {setting} {there}, and has {variable(setting)}={here}",
                "unless the code says otherwise, it polls as that, and is invoked again and again",
                "remove the variable, or set it anew with each build",
            )


def _runtime(name: str, configuration: Mapping[str, Any]) -> Iterator[Finding]:
    runtime = str(configuration.get("Runtime") or "")
    minor = int(runtime.removeprefix("python3.")) if runtime.startswith("python3.") else None
    if minor is not None and minor < OLDEST_PYTHON:
        yield Finding(
            "runtime",
            "error",
            f"{name} runs on {runtime}",
            "neither AWS nor this package supports it",
            f"package it for python3.{OLDEST_PYTHON} or later",
        )
    if configuration.get("SnapStart", {}).get("ApplyOn", "None") != "None":
        if minor is not None and minor < SNAPSHOTS_SINCE:
            yield Finding(
                "snapstart",
                "error",
                f"{name} has SnapStart on {runtime}",
                "Lambda has it for python3.12 and later",
                "use a later runtime",
            )
        else:
            yield Finding(
                "snapstart",
                "note",
                f"{name} has SnapStart",
                "all environments begin as copies: a secret read at the import is frozen in them",
                "read secrets in configure, as temporal_lambda.aws does",
            )
    if configuration.get("CapacityProviderConfig"):
        yield Finding(
            "managed-instances",
            "warning",
            f"{name} runs on Lambda Managed Instances",
            "a process that ends is not replaced: what an invocation abandons stays in its process",
            "watch abandoned in the reports, and let activities end when they are cancelled",
        )
    if configuration.get("DurableConfig"):
        yield Finding(
            "durable-function",
            "error",
            f"{name} is a durable function",
            "each invocation would begin a durable execution with an empty event",
            "create the function anew without a durable configuration",
        )


def _delivery(name: str, delivery: Mapping[str, Any] | None) -> Iterator[Finding]:
    if (delivery or {}).get("MaximumRetryAttempts") != 0:
        yield Finding(
            "event-retries",
            "warning",
            f"Lambda repeats failed invocations of {name}",
            "the controller invokes again by itself: a repetition finds no work and is billed",
            "set MaximumRetryAttempts to 0 on this version, as 'deploy' does",
        )
    if not (delivery or {}).get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"):
        yield Finding(
            "failure-destination",
            "note",
            f"{name} has no destination for failed events",
            "an invocation that Lambda gave up leaves a trace in its log only",
            "set OnFailure to a queue, and an alarm on it",
        )
