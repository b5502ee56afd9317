"""The file by which the next invocation knows of one that was killed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from temporal_lambda.runtime.running_mark import RunningMark

ENVIRON = {"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_LOG_STREAM_NAME": "2026/[1]a"}


def mark(folder: Path, **environ: str) -> RunningMark:
    return RunningMark({**ENVIRON, **environ}, folder)


def test_killed_invocation_is_found_by_the_next_process_once(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from temporal_lambda.runtime.running_mark import RunningMark\n"
        f"RunningMark({ENVIRON!r}, Path(sys.argv[1])).begin('killed', 1e9, 3.0)\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, timeout=60)
    assert mark(tmp_path).take_left() == {
        "request_id": "killed",
        "begun_at": "2001-09-09T01:46:40.000+00:00",
        "deadline": "2001-09-09T01:46:43.000+00:00",
    }
    assert mark(tmp_path).take_left() is None


def test_next_process_may_have_the_same_id(tmp_path: Path) -> None:
    """As in Lambda, where the runtime is the first process every time."""
    mark(tmp_path).begin("killed", 1e9, float("inf"))
    left = mark(tmp_path).take_left()
    assert left
    assert (left["request_id"], left["deadline"]) == ("killed", None)


def test_invocation_that_ended_leaves_nothing(tmp_path: Path) -> None:
    own = mark(tmp_path)
    own.begin("a", 1e9, 3.0)
    own.end()
    own.end()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "other", [{"AWS_LAMBDA_LOG_STREAM_NAME": "2026/[1]b"}, {"AWS_LAMBDA_FUNCTION_NAME": "g"}]
)
def test_other_environments_and_functions_have_files_of_their_own(
    tmp_path: Path, other: dict[str, str]
) -> None:
    mark(tmp_path, **other).begin("theirs", 1e9, 3.0)
    assert mark(tmp_path).take_left() is None


def test_sibling_that_still_runs_is_no_killed_invocation(tmp_path: Path) -> None:
    """The processes of a Managed Instance share a log stream."""
    mark(tmp_path).begin("runs", 1e9, 3.0)
    (own,) = tmp_path.iterdir()
    own.rename(own.with_name(own.name.replace(str(os.getpid()), str(os.getppid()))))
    assert mark(tmp_path).take_left() is None


@pytest.mark.parametrize("content", ["", "nonsense", "[1]", '{"request_id": 1}', "[" * 5_000])
def test_file_of_somebody_else_is_no_report(tmp_path: Path, content: str) -> None:
    mark(tmp_path).begin("a", 1e9, 3.0)
    (path,) = tmp_path.iterdir()
    path.write_text(content)
    assert mark(tmp_path).take_left() is None


def test_folder_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    own = RunningMark(ENVIRON, tmp_path / "nowhere")
    own.begin("a", 1e9, 3.0)
    own.end()
    assert own.take_left() is None


def test_link_is_not_followed(tmp_path: Path) -> None:
    own = mark(tmp_path)
    own.begin("a", 1e9, 3.0)
    (path,) = tmp_path.iterdir()
    path.unlink()
    target = tmp_path / "target"
    target.write_text("mine")
    path.symlink_to(target)
    own.begin("a", 1e9, 3.0)
    assert target.read_text() == "mine"


@pytest.mark.parametrize(("age", "kept"), [(3_600, True), (90_000, False)])
def test_litter_of_other_environments_is_removed_after_a_day(
    tmp_path: Path, age: float, kept: bool
) -> None:
    other = tmp_path / "temporal_lambda-0123456789abcdef-999999999"
    other.write_text("{}")
    os.utime(other, (time.time() - age,) * 2)
    assert mark(tmp_path).take_left() is None
    assert other.exists() is kept
