"""``temporal-lambda dev`` in a terminal: what its table shows, and that it costs nothing."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from temporal_lambda.local.temporal_server import find_temporal
from tests.support.dev_session import Dev
from tests.support.lambdas import FUNCTIONS
from tests.support.screen import Screen, show_orders, stream_orders

CHATTY = """
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from temporalio import activity, workflow
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporal_lambda import run_worker

@activity.defn
def chatter(lines: int) -> float:
    begun = time.monotonic()
    for number in range(lines):
        print(f"line {number} of a function that has much to say")
    return time.monotonic() - begun

@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Chatter:
    @workflow.run
    async def run(self, lines: int) -> float:
        return await workflow.execute_activity(
            chatter, lines, start_to_close_timeout=timedelta(seconds=60)
        )

def configure(config):
    config.worker_config["task_queue"] = "chatter"
    config.worker_config["workflows"] = [Chatter]
    config.worker_config["activities"] = [chatter]
    config.worker_config["activity_executor"] = ThreadPoolExecutor(1)
    config.idle_timeout = "auto"

handler = run_worker(WorkerDeploymentVersion("chatter", "1"), configure)
"""

LINES = 10_000


def seconds_of(folder: Path, *, terminal: bool) -> float:
    """How long an activity needs to print, at best of three, as it says itself."""
    (folder / "chatty.py").write_text(CHATTY)
    dev = Dev(f"{folder / 'chatty.py'}:handler", "--no-reload", terminal=terminal)
    try:
        line = dev.wait_for(r"start one +temporal workflow start (.*)").group(1).strip()
        execute = line.replace("'\"World\"'", str(LINES))
        took = []
        for _ in range(3):
            with subprocess.Popen(
                f"{find_temporal()} workflow execute --output json {execute}",
                shell=True,
                stdout=subprocess.PIPE,
                text=True,
            ) as command:
                # Somebody has to read the terminal meanwhile, as a terminal does.
                while command.poll() is None:
                    dev.read(0.01)
                assert command.stdout
                result = re.search(r'"result": ([\d.]+)', command.stdout.read())
            assert result
            took.append(float(result[1]))
        assert f"line {LINES - 1} of" in dev.output or dev.wait_for(f"line {LINES - 1} of")
        return min(took)
    finally:
        dev.kill()


@pytest.mark.alone
def test_chatty_function_is_as_fast_in_a_terminal_as_in_a_pipe(tmp_path: Path) -> None:
    piped = seconds_of(tmp_path, terminal=False)
    in_terminal = seconds_of(tmp_path, terminal=True)
    print(f"piped {piped:.2f} s, terminal {in_terminal:.2f} s")
    assert in_terminal <= 1.2 * piped + 0.1


@pytest.mark.timeout(300)
async def test_table_shows_what_runs_and_how_the_rest_has_ended() -> None:
    """At 80 by 24; tests/unit/local/test_invocation_table.py has the other sizes."""
    screen = await show_orders(80, 24, quick=10)
    try:
        shown = "\n".join(screen.lines)
        assert re.search(r"^ #\s+start\s+time\s+tasks\s+ended by", shown, re.MULTILINE), shown
        assert re.search(
            r"\d+ invocations, [\d.]+ s billed: 1 running, \d+ succeeded, 2 failed", shown
        )
        assert screen.colour_of("abandoned: activity weigh") == "red"
        assert screen.colour_of("Runtime exited with") == "red"
        assert screen.colour_of("success") == "green"
        # Nothing is wrapped below the table, and the newest row is the last.
        (last,) = [line for line in screen.lines if line.endswith(" running")]
        assert screen.lines.index(last) < len(screen.lines) - 2
    finally:
        screen.end()


def tasks_in(line: str) -> tuple[int, int]:
    """Workflow tasks and activities that a row shows."""
    found = {kind: int(number) for number, kind in re.findall(r"\b(\d+)([wa])\b", line)}
    return found.get("w", 0), found.get("a", 0)


@pytest.mark.timeout(300)
async def test_running_invocation_shows_its_tasks_and_totals_while_workflows_come() -> None:
    orders = 40
    screen, shown = await stream_orders(80, 24, orders, seconds=10)
    try:
        assert any(all(tasks_in(line)) for line in shown), shown
        total = next(line for line in screen.lines if line.startswith(f"{orders} workflows"))
        # Each order has two tasks of its workflow, around its activity; more on a busy machine.
        assert tasks_in(total)[0] >= 2 * orders
        # They were not told at the end alone, and never less of them than before.
        told: dict[str, list[int]] = {}
        for line in shown:
            told.setdefault(line.split()[0], []).append(tasks_in(line)[1])
        assert any(len(set(activities)) >= 5 for activities in told.values()), shown
        assert all(activities == sorted(activities) for activities in told.values()), shown
    finally:
        screen.end()


@pytest.mark.timeout(300)
async def test_execution_shows_what_its_workflow_waits_for() -> None:
    screen = Screen(
        *(80, 24, f"{FUNCTIONS / 'patient.py'}:lambda_handler", "--no-reload"),
        *("--env", "FAILURES=2", "--execute", "be-patient", "--input", "1"),
    )
    try:
        await screen.wait_for(r"be-patient-[0-9a-f]{8}: \d+\.\d s, \d events")
        await screen.wait_for(
            r"  activity persuade, attempt 3 runs, the last one failed: ValueError: no, for"
        )
        await screen.wait_for(r'result      "yes, the 3. time"')
        # Of the last of its invocations; on a busy machine there are several.
        await screen.wait_for(r"tasks       \d workflow, \d activity")
        # What it has waited for does not stay, nor does the table, which was of that moment.
        assert "activity persuade, attempt" not in "\n".join(screen.lines)
        assert "ended by" not in "\n".join(screen.lines)
        assert screen.dev.finish() == 0
    finally:
        screen.end()
