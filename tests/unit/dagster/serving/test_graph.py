"""The order that ops run in."""

from __future__ import annotations

import pytest

from temporal_lambda.dagster.serving.graph import in_order
from temporal_lambda.errors import PayloadError


def test_order_is_that_of_the_needs_and_stable() -> None:
    assert list(in_order({"c": ["b"], "b": [], "a": []}, [])) == ["b", "a", "c"]


def test_cycle_is_told_in_full() -> None:
    with pytest.raises(PayloadError, match=r"ops wait for each other: (a -> b -> a|b -> a -> b)$"):
        in_order({"a": ["b"], "b": ["a"]}, [])
