"""An invocation that is killed can tell nothing; the next one in its environment does."""

from __future__ import annotations

from pathlib import Path

from tests.support.lambdas import Invoke, MakeFunction
from tests.support.otlp import receiving
from tests.support.waiting import until


async def test_killed_invocation_is_told_by_the_next_one(
    make_function: MakeFunction, invoke: Invoke, tmp_path: Path
) -> None:
    with receiving() as receiver:
        env = {
            "SCENARIO": "killed",
            "ARMED": str(tmp_path / "armed"),
            "TMPDIR": str(tmp_path),
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
        }
        function = make_function("traced.quick_handler", env=env)
        killed = await invoke(function)
        assert killed.status != "success"
        found = await invoke(function)
        assert found.report
        assert found.report["never_ended"]["request_id"] == killed.request_id
        assert found.report["init_ms"] > 100
        assert any(f"the invocation {killed.request_id} never ended" in line for line in found.log)
        (span,) = [s for s in receiver.of_request(found.request_id) if s.name == function.name]
        assert span.attributes["temporal_lambda.never_ended"] == killed.request_id
        await until(lambda: receiver.total("temporal_lambda.never_ended") == 1)
        later = await invoke(function)
    assert later.report
    assert later.report["never_ended"] is later.report["init_ms"] is None
