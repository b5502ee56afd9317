"""What a process knows of how Lambda began it."""

from __future__ import annotations

import random

import pytest
import snapshot_restore_py

from temporal_lambda import process
from temporal_lambda.process import initialization, is_replaced, reseed_after_restore


@pytest.fixture(autouse=True)
def no_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNTIME_API", "INITIALIZATION_TYPE", "MAX_CONCURRENCY"):
        monkeypatch.delenv(f"AWS_LAMBDA_{name}", raising=False)


def test_initialization_is_none_outside_of_lambda() -> None:
    assert initialization() is None
    assert not is_replaced()


@pytest.mark.parametrize(
    ("variables", "expected", "replaced"),
    [
        ({"INITIALIZATION_TYPE": "on-demand"}, "on-demand", True),
        ({"INITIALIZATION_TYPE": "snap-start"}, "snap-start", True),
        ({"INITIALIZATION_TYPE": "lambda-managed-instances"}, process.MANAGED_INSTANCES, False),
        # What the runtime client itself goes by.
        ({"MAX_CONCURRENCY": "16"}, process.MANAGED_INSTANCES, False),
    ],
)
def test_initialization_decides_whether_a_process_is_replaced(
    variables: dict[str, str], expected: str, replaced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
    for name, value in variables.items():
        monkeypatch.setenv(f"AWS_LAMBDA_{name}", value)
    assert initialization() == expected
    assert is_replaced() is replaced


def test_restores_draw_different_numbers_and_nothing_is_registered_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hooks = snapshot_restore_py.get_after_restore()
    before = len(hooks)
    reseed_after_restore()
    assert len(hooks) == before

    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start")
    reseed_after_restore()
    (run, arguments, options) = hooks.pop()
    drawn = set()
    for _ in range(2):
        random.seed(7)
        run(*arguments, **options)
        drawn.add(random.getrandbits(64))
    assert len(drawn) == 2
