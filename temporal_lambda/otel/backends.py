"""How backends want their metrics: temporality and kind of histogram."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

from opentelemetry.sdk import metrics
from opentelemetry.sdk.metrics.export import AggregationTemporality
from opentelemetry.sdk.metrics.view import Aggregation, ExponentialBucketHistogramAggregation

from temporal_lambda.otel.variables import HISTOGRAMS, TEMPORALITY, word

Backend = Literal["cloudwatch", "datadog", "dynatrace", "new-relic", "prometheus"]
"""Backends whose wishes are known; ``prometheus`` stands for all that speak its language."""


class Wishes(NamedTuple):
    """What a backend wants.

    Attributes:
        temporality: ``cumulative``: totals since the process began. ``delta``: what came since the
            last export. ``lowmemory``: a delta, but of observable counters the total.
        exponential: Whether histograms have exponential buckets rather than fixed ones.
    """

    temporality: str = "cumulative"
    exponential: bool = False


WISHES: Mapping[Backend, Wishes] = {
    # The awsemf exporter hands cumulative histograms on as they are, so each flush would add the
    # environment's whole life again; and it makes percentiles of exponential ones only.
    "cloudwatch": Wishes("delta", exponential=True),
    "datadog": Wishes("delta"),
    "dynatrace": Wishes("delta"),
    "new-relic": Wishes("delta", exponential=True),
    "prometheus": Wishes(),
}

COUNTED = (metrics.Counter, metrics.Histogram)
OBSERVED = (metrics.ObservableCounter,)


def wishes_of(backend: Backend | None, environ: Mapping[str, str]) -> Wishes:
    """What to send: what OpenTelemetry's variables say, else what the backend wants.

    Example:
        >>> wishes_of("cloudwatch", {TEMPORALITY: "cumulative"})
        Wishes(temporality='cumulative', exponential=True)
    """
    wanted = WISHES[backend] if backend else Wishes()
    temporality, histograms = word(environ, TEMPORALITY), word(environ, HISTOGRAMS)
    if temporality in ("cumulative", "delta", "lowmemory"):
        wanted = wanted._replace(temporality=temporality)
    if histograms in ("explicit_bucket_histogram", "base2_exponential_bucket_histogram"):
        wanted = wanted._replace(exponential=histograms.startswith("base2"))
    return wanted


def temporality_of(wishes: Wishes) -> dict[type, AggregationTemporality]:
    """The temporality of each kind of instrument that has not the SDK's default, cumulative."""
    kinds: dict[str, tuple[type, ...]] = {"delta": COUNTED + OBSERVED, "lowmemory": COUNTED}
    delta = kinds.get(wishes.temporality, ())
    return dict.fromkeys(delta, AggregationTemporality.DELTA)


def aggregation_of(wishes: Wishes) -> dict[type, Aggregation]:
    """The aggregation of each kind of instrument that has not the SDK's default."""
    if not wishes.exponential:
        return {}
    return {metrics.Histogram: ExponentialBucketHistogramAggregation()}
