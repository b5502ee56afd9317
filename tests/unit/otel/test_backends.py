"""What backends get of metrics: totals or what came since, and which histograms."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from opentelemetry.sdk import metrics
from opentelemetry.sdk.metrics.export import AggregationTemporality

from temporal_lambda.otel.backends import (
    WISHES,
    Backend,
    Wishes,
    aggregation_of,
    temporality_of,
    wishes_of,
)

TEMPORALITY = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
HISTOGRAMS = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"


def test_each_backend_has_its_wishes() -> None:
    assert set(WISHES) == set(get_args(Backend))


@pytest.mark.parametrize(
    ("backend", "environ", "expected"),
    [
        (None, {}, Wishes("cumulative")),
        ("prometheus", {}, Wishes("cumulative")),
        ("cloudwatch", {}, Wishes("delta", exponential=True)),
        ("datadog", {}, Wishes("delta")),
        (None, {TEMPORALITY: "DELTA"}, Wishes("delta")),
        ("cloudwatch", {TEMPORALITY: "cumulative"}, Wishes("cumulative", exponential=True)),
        (
            "cloudwatch",
            {HISTOGRAMS: "explicit_bucket_histogram"},
            Wishes("delta", exponential=False),
        ),
        (None, {HISTOGRAMS: "base2_exponential_bucket_histogram"}, Wishes(exponential=True)),
        ("datadog", {TEMPORALITY: "nonsense"}, Wishes("delta")),
    ],
)
def test_variables_win_over_the_backend(
    backend: Any, environ: dict[str, str], expected: Any
) -> None:
    assert wishes_of(backend, environ) == expected


def test_what_goes_up_and_down_is_a_total_for_everybody() -> None:
    delta = temporality_of(Wishes("delta"))
    assert set(delta.values()) == {AggregationTemporality.DELTA}
    assert {metrics.Counter, metrics.Histogram, metrics.ObservableCounter} == set(delta)
    assert set(temporality_of(Wishes("lowmemory"))) == {metrics.Counter, metrics.Histogram}
    assert temporality_of(Wishes()) == {}
    assert set(aggregation_of(Wishes(exponential=True))) == {metrics.Histogram}
    assert aggregation_of(Wishes()) == {}
