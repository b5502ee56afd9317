"""``temporal-lambda dev --execute`` where no terminal is: in scripts and in CI."""

from __future__ import annotations

import re

from tests.support.dev_session import Dev
from tests.support.lambdas import FUNCTIONS

TARGET = f"{FUNCTIONS / 'patient.py'}:lambda_handler"


def test_each_change_is_a_line_without_escape_codes(started: list[Dev]) -> None:
    dev = Dev(TARGET, "--env", "FAILURES=2", "--execute", "be-patient", "--input", "1")
    started.append(dev)
    assert dev.finish() == 0, dev.output
    assert "\x1b" not in dev.output
    lines = [line for line in dev.output.splitlines() if line.startswith("workflow  ")]
    states = [re.sub(r"^workflow    \d+\.\d s, ", "", line) for line in lines]
    assert len(states) == len(set(states)), lines
    failed = "the last one failed: ValueError: no, for the 2. time"
    assert f"5 events; activity persuade, attempt 3 runs, {failed}" in states, lines
    assert 'result      "yes, the 3. time"' in dev.output


def test_workflow_that_is_started_by_hand_is_named_as_it_is_registered(started: list[Dev]) -> None:
    dev = Dev(TARGET, "--no-reload")
    started.append(dev)
    assert "--type be-patient" in dev.wait_for("start one.*").group()


def test_workflow_whose_own_code_fails_says_why(started: list[Dev]) -> None:
    dev = Dev(TARGET, "--execute", "be-patient", "--execute-timeout", "12s")
    started.append(dev)
    assert dev.finish() == 1
    assert re.search(r"its own code fails, attempt \d+: \S*: ?.*missing 1 required", dev.output), (
        dev.output
    )
    assert "workflow did not finish within 12 s (--execute-timeout)" in dev.output
