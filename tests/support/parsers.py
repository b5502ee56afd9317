"""The parsers of what comes from elsewhere: what each one may do with any input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio import activity

from temporal_lambda import SettingsError
from temporal_lambda.dagster import JobOptions
from temporal_lambda.dagster.launching.invoke import Answer
from temporal_lambda.dagster.launching.outcome import interpret_answer
from temporal_lambda.dagster.serving.ops import Ops
from temporal_lambda.dagster.serving.planner import Planner
from temporal_lambda.dagster.serving.request import parse_event
from temporal_lambda.errors import PayloadError
from temporal_lambda.local.pipes import HEADER, LINE_LIMIT, Frames, Lines
from temporal_lambda.local.terminal_text import printable
from temporal_lambda.local.worker_lines import read_report, read_worker
from temporal_lambda.settings.sources import load_settings
from temporal_lambda.settings.table import SETTINGS


@activity.defn
async def extract(config: dict[str, Any]) -> None: ...


@activity.defn
async def load(config: dict[str, Any], upstream: dict[str, Any]) -> None: ...


@activity.defn
async def tell() -> None: ...


PLANNERS = [
    Planner(Ops([extract, load, tell]), job, {}, {"API_KEY"}, timedelta(minutes=1))
    for job in (JobOptions(), JobOptions(order={"load": ["extract"]}))
]

MODES = (None, "full", "config_only", "ops_only", "custom")


CONTROLS = set(map(chr, (*range(32), *range(127, 160))))
"""What a terminal obeys."""


def check_event(event: Any, mode: Any, planner: Planner, only_op: str | None) -> None:
    """An event is a run, a question about one, or refused."""
    try:
        request = parse_event(event, mode)
        if request.kind == "run":
            assert planner.plan(request, request.job_name, only_op).ops
    except PayloadError:
        pass


def check_answer(payload: str, function_error: str | None, strict: bool) -> None:
    """An answer means something."""
    data = payload.encode(errors="surrogatepass")
    answer = Answer(200, "id", payload=data, function_error=function_error)
    outcome = interpret_answer(answer, "9d6c", fail_on_error_status=strict)
    assert outcome.kind in ("success", "failed", "running", "canceled", "died")


def check_settings(environ: Mapping[str, str], document: str | None, folder: Path) -> None:
    """Settings are read or refused."""
    if document is not None:
        file = folder / "temporal.toml"
        file.write_bytes(document.encode(errors="surrogatepass"))
        environ = {**environ, "TEMPORAL_CONFIG_FILE": str(file)}
    try:
        settings = load_settings(environ)
    except SettingsError:
        return
    assert set(settings.values) <= set(SETTINGS)


def check_output(printed: Sequence[str], sizes: Sequence[int], tail: bytes) -> None:
    """Output is cut into its lines however it is read; what they are taken for has its types."""
    written = [line.replace("\n", " ").encode(errors="replace") for line in printed]
    lines: list[str] = []
    in_pieces(Lines(lines.append), b"".join(line + b"\n" for line in written), sizes)
    assert lines == [line[:LINE_LIMIT].decode(errors="replace") for line in written]
    from_frames: list[str] = []
    frames = Frames(from_frames.append)
    in_pieces(frames, b"".join(frame(line + b"\n") for line in written), sizes)
    assert from_frames == [line for line in lines if line]
    frames(tail)
    frames(b"")
    for line in from_frames:
        for found in (read_report(line, "id"), read_worker(line, "id")):
            assert found is None or found["request_id"] == "id"
        shown = printable(line)
        assert not CONTROLS & set(shown)
        shown.encode()


def frame(message: bytes) -> bytes:
    """A message as the runtime client frames it."""
    header = b"\xa5\x5a\x00\x03" + len(message).to_bytes(4, "big") + bytes(8)
    assert len(header) == HEADER
    return header + message


def in_pieces(feed: Callable[[bytes], None], stream: bytes, sizes: Sequence[int]) -> None:
    """Feed a stream in pieces of these sizes, over and over."""
    at, turn = 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        feed(stream[at : at + size])
        at, turn = at + size, turn + 1
