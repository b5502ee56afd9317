"""The order of ops: which ones each op waits for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from temporal_lambda.errors import PayloadError

Graph = dict[str, tuple[str, ...]]
"""Op -> the ops it waits for, each op after those it waits for."""


def in_order(upstream: Mapping[str, Sequence[str]], ops: Collection[str]) -> Graph:
    """Put ops into an order in which they can run.

    Args:
        upstream: Op -> the ops whose outputs it needs.
        ops: Ops there are beside the keys of ``upstream``.

    Returns:
        All of them, each after the ones it waits for, as stable as the order given.

    Raises:
        PayloadError: There is a cycle, or an op waits for one that is not there.

    Example:
        >>> in_order({"load": ["transform"], "transform": ["extract"]}, ["extract"])
        {'extract': (), 'transform': ('extract',), 'load': ('transform',)}
    """
    known = dict.fromkeys([*ops, *upstream])
    for op, needed in upstream.items():
        for name in needed:
            if name not in known:
                raise PayloadError(
                    f"op {op!r} needs the output of {name!r}, which is not among the ops: "
                    f"{', '.join(map(repr, known))}"
                )
    graph = {op: tuple(dict.fromkeys(upstream.get(op, ()))) for op in known}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        raise PayloadError(f"ops wait for each other: {' -> '.join(error.args[1])}") from None
    return {op: graph[op] for op in order}
