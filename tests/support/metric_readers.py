"""What two kinds of backends make of the metrics of several environments."""

from __future__ import annotations

from tests.support.otlp import Receiver


def prometheus_total(receiver: Receiver, name: str) -> float:
    """What Prometheus and its kin make of a metric: the sum of the last values of its series.

    A series has the labels ``job`` and ``instance``, of the service's name and its instance's id,
    and those of the metric; no other part of the resource.
    """
    series: dict[tuple[object, ...], float] = {}
    for point in receiver.points:
        if point.name == name:
            assert not point.is_delta, f"{name} is no total"
            labels = frozenset((key, str(value)) for key, value in point.attributes.items())
            who = (point.resource["service.name"], point.resource.get("service.instance.id"))
            series[(*who, labels)] = point.value
    return sum(series.values())


def delta_total(receiver: Receiver, name: str) -> float:
    """What CloudWatch, Datadog and their kin make of a metric: the sum of all that came."""
    values = [point for point in receiver.points if point.name == name]
    assert all(point.is_delta for point in values), f"{name} is a total"
    return sum(point.value for point in values)
