"""A million arbitrary inputs for the parsers of what comes from elsewhere.

``python -m tests.fuzz [COUNT] [SEED]``: events, answers, settings and log lines in turn. The inputs
are valid ones with parts replaced, dropped and moved. An error that is not ours ends it, with the
seed and the input that brought it about.
"""

from __future__ import annotations

import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from temporal_lambda.report import INVOCATION, WORKER
from temporal_lambda.settings.table import SETTINGS, variable
from tests.support.arbitrary import DEEP, WORDS, as_json
from tests.support.parsers import (
    MODES,
    PLANNERS,
    check_answer,
    check_event,
    check_output,
    check_settings,
)

LEAVES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1.5,
        2**70,
        10**400,
        float("nan"),
        float("inf"),
        500,
        "500",
        "\u00b2",
    ),
    *(
        "",
        "x",
        "extract",
        "load",
        "\ud800",
        "\0",
        "\x1b[2J",
        "\u202e",
        "x" * 3000,
        "9" * 5000,
        "1e9",
    ),
    *([], {}, [[]], {"env": "API_KEY"}, {"env": "PATH"}, {"value": 1}, ["extract"], {"": ""}),
)

EVENTS: tuple[Any, ...] = (
    {
        "dagster_run": {"run_id": "9d6c", "job_name": "etl"},
        "run_config": {
            "ops": {
                "extract": {"config": {"x": 1, "key": {"env": "API_KEY"}}},
                "load": {"config": {}, "inputs": {"upstream": {"value": 4}}},
                "tell": None,
            },
            "resources": {},
        },
        "environment_variables": {"A": "b"},
        "job_graph": {"extract": [], "load": ["extract"], "tell": ["load"]},
        "step_selection": ["extract"],
        "outputs": {"extract": 1},
    },
    {"ops": {"extract": {"config": {"x": 1}}, "graph": {"ops": {"load": {}}}}},
    {"extract": {"config": {"x": [1, 2]}}, "tell": {"inputs": {}}},
    {"dagster_run": {"run_id": "9d6c", "job_name": None}, "run_config": {}, "request": "status"},
)

ANSWERS: tuple[Any, ...] = (
    {"statusCode": 200, "body": {"run_id": "9d6c", "status": "success", "result": {"x": 1}}},
    {"statusCode": 202, "body": {"run_id": "9d6c", "status": "running", "workflow_id": "w"}},
    {"statusCode": 500, "body": "gone"},
    {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after", "stackTrace": ["a"]},
    {"copied": 3},
)

REPORT = {
    "request_id": "id",
    "cold": True,
    "tasks": {"activity": 1},
    "phases_ms": {"work": 1.5},
    "abandoned": [{"activity": "a"}],
    "errors": ["work: E: e"],
    "workflows": ["Greeting"],
}


def changed(random: Random, value: Any) -> Any:
    """A copy with one part replaced, dropped or repeated elsewhere."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        copy = dict(value)
        name = random.choice(list(copy))
        chance = random.random()
        if chance < 0.1:
            del copy[name]
        elif chance < 0.2:
            copy[random.choice(WORDS)] = copy[name]
        else:
            copy[name] = changed(random, copy[name])
        return copy
    if isinstance(value, list) and value and random.random() < 0.7:
        at = random.randrange(len(value))
        return [*value[:at], changed(random, value[at]), *value[at + 1 :]]
    return random.choice(LEAVES)


def some(random: Random, valid: tuple[Any, ...]) -> Any:
    """One of these, changed up to four times."""
    value = random.choice(valid)
    for _ in range(random.choice((1, 1, 2, 4))):
        value = changed(random, value)
    return value


def damaged(random: Random, text: str) -> str:
    """Text as it is, cut off, with a character replaced, or something else altogether."""
    chance = random.random()
    if chance < 0.01:
        return random.choice(DEEP)
    at = random.randrange(len(text) + 1)
    if chance < 0.15:
        return text[:at]
    if chance < 0.3:
        return text[:at] + chr(random.randrange(0xD800)) + text[at + 1 :]
    return text


def event(random: Random) -> None:
    """Try an event."""
    only_op = random.choice((None, "extract", "nothing"))
    check_event(some(random, EVENTS), random.choice(MODES), random.choice(PLANNERS), only_op)


def answer(random: Random) -> None:
    """Try an answer."""
    value = some(random, ANSWERS)
    if isinstance(value, dict) and random.random() < 0.5 and "body" in value:
        value = {**value, "body": damaged(random, as_json(value["body"]))}
    payload = damaged(random, as_json(value))
    check_answer(payload, random.choice((None, None, "Unhandled")), random.random() < 0.5)


def settings(random: Random, folder: Path) -> None:
    """Try some settings, in variables and in a file."""
    names = random.sample(list(SETTINGS), 3)
    texts = (*filter(lambda leaf: isinstance(leaf, str), LEAVES), "1m30s", "5s", "true", "never")
    environ = {
        variable(name): damaged(random, random.choice(texts))
        .replace("\0", "")
        .encode(errors="replace")
        for name in names
    }
    document = None
    if random.random() < 0.3:
        lines = [f"{name} = {as_json(random.choice(LEAVES))}" for name in names]
        document = damaged(random, "\n".join(["[lambda_worker]", *lines]))
    check_settings({name: value.decode() for name, value in environ.items()}, document, folder)


def output(random: Random) -> None:
    """Try some lines."""
    content = json.dumps(some(random, (REPORT,)))
    kind = random.choice((INVOCATION, WORKER))
    whole = random.choice(
        (
            f"[INFO]\tnow\tid\t{kind} {content}",
            f'{{"message": "{kind}", "content": {content}}}',
            content,
        )
    )
    lines = [damaged(random, whole), damaged(random, "a line of the user's")]
    check_output(lines, [random.randrange(5, 900)], random.randbytes(random.randrange(30)))


def main(count: int, seed: int) -> None:
    """Try so many inputs.

    Args:
        count: How many.
        seed: Of the random numbers; the same seed tries the same inputs.
    """
    logging.disable(logging.CRITICAL)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        kinds: list[Callable[[Random], None]] = [
            event,
            answer,
            lambda random: settings(random, Path(folder)),
            output,
        ]
        for number in range(count):
            random = Random(seed + number)
            try:
                kinds[number % len(kinds)](random)
            except Exception:
                print(f"input {number}: python -m tests.fuzz {len(kinds)} {seed + number}")
                raise
            if (number + 1) % 100_000 == 0:
                print(f"{number + 1} inputs, {time.monotonic() - begun:.0f} s", flush=True)
    print(f"{count} inputs and no error that is not ours, in {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main(*(int(text) for text in (*sys.argv[1:], "1000000", "0")[:2]))
