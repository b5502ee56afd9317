"""A meter provider that can be asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, Metric
from opentelemetry.sdk.metrics.view import View


class Meters:
    """The provider and what has been recorded.

    Args:
        views: The provider's views.
    """

    def __init__(self, views: Sequence[View] = ()) -> None:
        self._reader = InMemoryMetricReader()
        self.provider = MeterProvider([self._reader], shutdown_on_exit=False, views=views)

    def metrics(self) -> list[Metric]:
        """All metrics as they are now."""
        data = self._reader.get_metrics_data()
        return [
            metric
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]

    def points(self) -> list[Any]:
        """The data points of all metrics."""
        return [point for metric in self.metrics() for point in metric.data.data_points]

    def read(self) -> dict[tuple[str, str], float]:
        """Values by metric and by the attribute ``who``; of histograms the count."""
        return {
            (metric.name, str((point.attributes or {}).get("who", ""))): _value(point)
            for metric in self.metrics()
            for point in metric.data.data_points
        }


def _value(point: Any) -> float:
    return float(point.count if hasattr(point, "count") else point.value)
