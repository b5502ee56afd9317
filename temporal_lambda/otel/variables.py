"""What OpenTelemetry's environment variables say, and which of them can't be honoured here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from typing import Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from temporal_lambda.otel import sigv4

Signal = Literal["traces", "metrics", "logs"]
SIGNALS: tuple[Signal, ...] = ("traces", "metrics", "logs")

Protocol = Literal["grpc", "http/protobuf"]

DEFAULT_ENDPOINTS: Mapping[Protocol, str] = {
    "grpc": "http://localhost:4317",
    "http/protobuf": "http://localhost:4318",
}
"""Where collectors listen, those of the layers included."""

DISABLED = "OTEL_SDK_DISABLED"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
PROTOCOL = "OTEL_EXPORTER_OTLP_PROTOCOL"
PROPAGATORS = "OTEL_PROPAGATORS"
SAMPLER = "OTEL_TRACES_SAMPLER"
TEMPORALITY = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
HISTOGRAMS = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"

CARRIED = frozenset({"tracecontext", "baggage"})
"""The propagators of temporalio's interceptors, which can't be chosen."""

INSTEAD = {
    "OTEL_EXPORTER_OTLP_TIMEOUT": "OtelOptions.flush_timeout",
    "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "OtelOptions.flush_timeout",
    "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT": "OtelOptions.flush_timeout",
    "OTEL_EXPORTER_OTLP_LOGS_TIMEOUT": "OtelOptions.flush_timeout",
    "OTEL_METRIC_EXPORT_TIMEOUT": "OtelOptions.flush_timeout",
    "OTEL_METRIC_EXPORT_INTERVAL": "OtelOptions.metric_periodicity",
}
"""Variables without effect, and the option that decides."""

KNOWN_VALUES = {
    TEMPORALITY: ("cumulative", "delta", "lowmemory"),
    HISTOGRAMS: ("explicit_bucket_histogram", "base2_exponential_bucket_histogram"),
}


class Destination(NamedTuple):
    """Where one signal goes.

    Attributes:
        endpoint: The URL; for HTTP with the signal's own path.
        protocol: How to speak to it.
    """

    endpoint: str
    protocol: Protocol


def without_secrets(text: str, endpoints: Iterable[str]) -> str:
    """A text without what the endpoints' own credentials and parameters say.

    Example:
        >>> endpoint = "https://user:pass@otlp.example/v1/traces?key=4711"
        >>> without_secrets(f"can't reach {endpoint}", [endpoint])
        "can't reach https://***@otlp.example/v1/traces?***"
    """
    for endpoint in endpoints:
        place = urlsplit(endpoint)
        for secret in (place.netloc.rpartition("@")[0], place.query):
            text = text.replace(secret, "***") if secret else text
    return text


def value(environ: Mapping[str, str], name: str) -> str:
    """A variable's value without surrounding blanks; empty if it is not set."""
    return environ.get(name, "").strip()


def word(environ: Mapping[str, str], name: str) -> str:
    """A variable's value where case does not matter.

    Example:
        >>> word({"OTEL_TRACES_EXPORTER": " None"}, "OTEL_TRACES_EXPORTER")
        'none'
    """
    return value(environ, name).lower()


def resource_attributes(environ: Mapping[str, str]) -> dict[str, str]:
    """What ``OTEL_RESOURCE_ATTRIBUTES`` says; what can't be read is left to the SDK to complain of.

    Example:
        >>> resource_attributes({"OTEL_RESOURCE_ATTRIBUTES": "service.name=my%20shop,broken"})
        {'service.name': 'my shop'}
    """
    pairs = (part.partition("=") for part in value(environ, "OTEL_RESOURCE_ATTRIBUTES").split(","))
    return {name.strip(): unquote(text.strip()) for name, equals, text in pairs if equals}


def is_disabled(environ: Mapping[str, str]) -> bool:
    """Whether ``OTEL_SDK_DISABLED`` switches everything off."""
    return word(environ, DISABLED) == "true"


def exports(signal: Signal, environ: Mapping[str, str]) -> bool:
    """Whether a signal is exported: its exporter is not ``none``."""
    return word(environ, f"OTEL_{signal.upper()}_EXPORTER") != "none"


def protocol_of(signal: Signal, endpoint: str, environ: Mapping[str, str]) -> Protocol:
    """The protocol for a signal: its own variable, else the common one, else what is installed.

    AWS's own endpoints accept nothing but HTTP, whatever the variables say.
    """
    said = word(environ, _of(signal, PROTOCOL)) or word(environ, PROTOCOL)
    if said.startswith("http") or sigv4.service_of(endpoint):
        return "http/protobuf"
    if said == "grpc" or _is_installed("grpc") or not _is_installed("http"):
        return "grpc"
    return "http/protobuf"


def destination(signal: Signal, explicit: str, environ: Mapping[str, str]) -> Destination:
    """Where a signal goes.

    Args:
        signal: Which one.
        explicit: An endpoint for all signals that was given in code; empty for none.
        environ: Environment variables.

    Example:
        >>> destination("traces", "", {PROTOCOL: "http/protobuf", ENDPOINT: "https://otlp.example/"})
        Destination(endpoint='https://otlp.example/v1/traces', protocol='http/protobuf')
    """
    own = "" if explicit else value(environ, _of(signal, ENDPOINT))
    common = explicit or value(environ, ENDPOINT)
    protocol = protocol_of(signal, own or common, environ)
    if own or protocol == "grpc":
        return Destination(own or common or DEFAULT_ENDPOINTS[protocol], protocol)
    base = (common or DEFAULT_ENDPOINTS[protocol]).rstrip("/")
    return Destination(f"{base}/v1/{signal}", protocol)


def unhonoured(signals: set[Signal], environ: Mapping[str, str]) -> list[str]:
    """The variables that are set and have not the effect they should, each with what happens.

    Args:
        signals: Those whose exporters are made here; what is said of others is for somebody else.
        environ: Environment variables.

    Example:
        >>> unhonoured({"traces"}, {"OTEL_TRACES_EXPORTER": "console"})
        ['OTEL_TRACES_EXPORTER=console (otlp is used)']
    """
    return [*_of_exporters(signals, environ), *_of_all(signals, environ)]


def _of_exporters(signals: set[Signal], environ: Mapping[str, str]) -> Iterator[str]:
    for signal in (signal for signal in SIGNALS if signal in signals):
        name = f"OTEL_{signal.upper()}_EXPORTER"
        if word(environ, name) not in ("", "otlp", "none"):
            yield f"{name}={value(environ, name)} (otlp is used)"
        own = _of(signal, PROTOCOL)
        protocol = protocol_of(signal, "", environ)
        if word(environ, own) not in ("", protocol):
            yield f"{own}={value(environ, own)} ({protocol} is used)"


def _of_all(signals: set[Signal], environ: Mapping[str, str]) -> Iterator[str]:
    if signals and (said := word(environ, PROTOCOL)) not in ("", "grpc", "http/protobuf"):
        used = protocol_of(next(iter(signals)), "", environ)
        yield f"{PROTOCOL}={said} ({used} is used)"
    if signals:
        for name, option in INSTEAD.items():
            if value(environ, name):
                yield f"{name} ({option} decides)"
    if "metrics" in signals:
        for name, known in KNOWN_VALUES.items():
            if word(environ, name) not in ("", *known):
                yield f"{name}={value(environ, name)} (must be one of {', '.join(known)})"
    propagators = {part.strip() for part in word(environ, PROPAGATORS).split(",") if part.strip()}
    if propagators - CARRIED:
        yield f"{PROPAGATORS} (Temporal carries {' and '.join(sorted(CARRIED, reverse=True))})"


def _of(signal: Signal, common: str) -> str:
    """The variable for one signal instead of all.

    Example:
        >>> _of("logs", ENDPOINT)
        'OTEL_EXPORTER_OTLP_LOGS_ENDPOINT'
    """
    return common.replace("OTLP_", f"OTLP_{signal.upper()}_")


@cache
def _is_installed(wire: Literal["grpc", "http"]) -> bool:
    try:
        return find_spec(f"opentelemetry.exporter.otlp.proto.{wire}") is not None
    except (ImportError, ValueError):
        return False
