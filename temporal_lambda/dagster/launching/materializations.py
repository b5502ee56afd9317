"""The materializations a function reports in its result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dagster import AssetKey, AssetMaterialization


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


def find(result: Any) -> list[Materialized]:
    """All materializations in a result: ``materializations``, and each op's.

    Args:
        result: What the function returned.

    Example:
        >>> (found,) = find({"materializations": [{"asset_key": "a/b", "metadata": {"rows": 3}}]})
        >>> found.materialization.asset_key
        AssetKey(['a', 'b'])
    """
    return [_read(step_key, entry) for step_key, entry in _entries(result)]


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


def _read(step_key: str | None, entry: Any) -> Materialized:
    try:
        key = entry["asset_key"]
        materialization = AssetMaterialization(
            asset_key=AssetKey.from_user_string(key) if isinstance(key, str) else AssetKey(key),
            metadata=entry.get("metadata"),
            partition=entry.get("partition"),
        )
    # Dagster checks values with errors of its own, and any of them means the same here.
    except Exception as error:
        return Materialized(step_key, problem=f"{type(error).__name__}: {error}")
    return Materialized(step_key, materialization)
