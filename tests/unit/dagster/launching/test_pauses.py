"""How long a run waits for its next invocation."""

from __future__ import annotations

from temporal_lambda.dagster.launching.pauses import Pauses


def test_invocation_that_worked_is_followed_by_the_next_after_a_second() -> None:
    pauses = Pauses()
    assert [pauses.after_answer(800, pinned=False) for _ in range(3)] == [1, 1, 1]


def test_pauses_grow_to_a_minute_while_answers_come_fast() -> None:
    pauses = Pauses()
    waits = [pauses.after_answer(0.01, pinned=False) for _ in range(20)]
    assert waits[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert waits[-1] == 60
    assert pauses.after_answer(800, pinned=False) == 1


def test_another_build_is_asked_for_less_and_less_often() -> None:
    pauses = Pauses()
    waits = [pauses.after_answer(800, pinned=True) for _ in range(5)]
    assert waits == [10, 20, 40, 60, 60]
    assert pauses.after_answer(0.01, pinned=False) == 1


def test_pauses_grow_with_each_invocation_that_is_lost_until_one_answers() -> None:
    pauses = Pauses()
    assert [pauses.after_loss() for _ in range(4)] == [3, 9, 27, 60]
    assert pauses.lost == 4
    assert pauses.after_answer(800, pinned=False) == 1
    assert pauses.lost == 0


def test_run_that_another_invocation_works_for_is_asked_about_every_few_seconds() -> None:
    pauses = Pauses()
    waits = [pauses.after_answer(0.3, pinned=False, elsewhere=True) for _ in range(5)]
    assert waits == [1, 2, 4, 5, 5]
    assert pauses.after_answer(800, pinned=False) == 1
