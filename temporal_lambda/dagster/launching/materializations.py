"""The materializations a function reports in its result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dagster import AssetMaterialization

from temporal_lambda.dagster.launching import foreign_data


@dataclass(frozen=True)
class Materialized:
    """One entry of a ``materializations`` list.

    Attributes:
        step_key: The op whose result has it, if it is an op's.
        materialization: What to report; ``None`` if the entry makes no sense.
        problem: Why it makes none.
    """

    step_key: str | None
    materialization: AssetMaterialization | None = None
    problem: str = ""


def find(result: Any, partition: str | None = None) -> Iterator[Materialized]:
    """All materializations in a result: ``materializations``, and each op's.

    Args:
        result: What the function returned; not trusted.
        partition: The run's partition, for entries that name none.

    Yields:
        One after the other, since there may be very many.

    Example:
        >>> (found,) = find({"materializations": [{"asset_key": "a/b", "metadata": {"rows": 3}}]})
        >>> found.materialization.asset_key
        AssetKey(['a', 'b'])
    """
    for step_key, entry in _entries(result):
        yield _read(step_key, entry, partition)


def _entries(result: Any) -> Iterator[tuple[str | None, Any]]:
    if not isinstance(result, Mapping):
        return
    for entry in _list(result):
        yield None, entry
    results = result.get("results")
    if isinstance(results, Mapping):
        for op, of_op in results.items():
            if isinstance(of_op, Mapping):
                for entry in _list(of_op):
                    yield str(op), entry


def _list(holder: Mapping[str, Any]) -> list[Any]:
    # Another thing may well have this name in a function that knows nothing of Dagster.
    found = holder.get("materializations")
    return found if isinstance(found, list) else []


def _read(step_key: str | None, entry: Any, partition: str | None) -> Materialized:
    try:
        if not isinstance(entry, Mapping):
            raise ValueError(f"an entry must be an object; got a {type(entry).__name__}")
        own = entry.get("partition")
        materialization = AssetMaterialization(
            asset_key=foreign_data.asset_key(entry.get("asset_key")),
            metadata=foreign_data.metadata(entry.get("metadata")),
            partition=partition if own is None else foreign_data.clean_text(own, 500),
        )
    # Dagster checks values with errors of its own, and any of them means the same here.
    except Exception as error:
        return Materialized(step_key, problem=foreign_data.clean_text(str(error), 500))
    return Materialized(step_key, materialization)
