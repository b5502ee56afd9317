"""Arbitrary input, near enough to the real thing to get past the first check."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

effort = settings(
    max_examples=120,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
"""A few examples, always the same ones; a failing one is made as small as it gets."""

WORDS = (
    *("ops", "config", "inputs", "outputs", "resources", "dagster_run", "run_config", "run_id"),
    *("job_name", "request", "cancel", "status", "run", "job_graph", "extract", "load", "tell"),
    *("graph.load", "env", "API_KEY", "value", "steps", "result", "error", "body", "statusCode"),
    *("errorType", "errorMessage", "stackTrace", "__class__", "request_id", "tasks", "content"),
)
"""Names that mean something somewhere."""

text = st.one_of(
    st.sampled_from(WORDS), st.text(max_size=12), st.just("\ud800"), st.just("x" * 300)
)

leaf = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    text,
    st.just(10**400),
)

values = st.recursive(
    leaf,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(text, inner, max_size=4)),
    max_leaves=12,
)
"""Anything JSON can hold, and a little more."""


def nested(depth: int) -> str:
    """JSON that is nested so deep."""
    return "[" * depth + "]" * depth


DEEP = (nested(10_000), "[" * 10_000, '{"a":' * 10_000, "9" * 10_000)
"""What parsers choke on."""


def as_json(value: Any) -> str:
    """JSON in ASCII, lone surrogates and NaN included."""
    return json.dumps(value)


documents = st.one_of(values.map(as_json), st.sampled_from(DEEP), st.text(max_size=60))
"""Text that is JSON, or nearly so."""
