"""SnapStart: the local Lambda takes snapshots, and nothing that must differ is made before one."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from temporal_lambda.local import LambdaService, LocalStack, environment
from tests.support.lambdas import Deploy, Invoke, MakeFunction, call, events, recorded
from tests.support.processes import alive


@pytest.fixture
def make_plain(make_function: MakeFunction) -> MakeFunction:
    def make(handler: str = "snapshots.plain", **options: Any) -> Any:
        return make_function(handler, snapstart=True, **options)

    return make


async def test_environment_is_restored_from_its_snapshot_once(
    service: LambdaService, client: Any, make_plain: MakeFunction
) -> None:
    function = make_plain("snapshots.plain")
    service.add(function)
    answers = [(await call(client, function.name, {}))["body"] for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["stream"] is None
    restored, warm = await recorded(service, 2)
    assert events(restored) == ["before snapshot, sockets 0", "threads 1", "after restore"]
    assert (restored.cold, restored.init_ms) == (True, None)
    assert restored.restore_ms
    assert restored.billed_ms >= restored.restore_ms + restored.duration_ms
    assert "Restore Duration: " in restored.log[-1]
    assert "Init Duration" not in restored.log[-1]
    assert (warm.cold, warm.restore_ms) == (False, None)
    assert events(warm) == []


@pytest.mark.parametrize(
    ("hook", "code", "message"),
    [
        ("fails after", "SnapStartException", "RuntimeError: no restore of this"),
        ("leaves after", "SnapStartException", "exit status 3"),
        ("takes long", "SnapStartTimeoutException", "was not complete within"),
    ],
)
async def test_restore_that_fails_is_an_error_of_the_service_and_ends_the_environment(
    hook: str,
    code: str,
    message: str,
    service: LambdaService,
    client: Any,
    make_plain: MakeFunction,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(environment, "RESTORE_SECONDS", 2.0)
    function = make_plain("snapshots.plain", env={"HOOK": hook})
    service.add(function)
    with pytest.raises(ClientError, match=message) as error:
        await call(client, function.name, {})
    assert error.value.response["Error"]["Code"] == code
    (record,) = await recorded(service, 1)
    assert record.status == "init_error"
    assert not alive(record.pid)
    assert service.environments(function.name) == []


async def test_hook_that_fails_before_the_snapshot_is_an_init_error(
    service: LambdaService, client: Any, make_plain: MakeFunction
) -> None:
    function = make_plain("snapshots.plain", env={"HOOK": "fails before"})
    service.add(function)
    response = await call(client, function.name, {})
    assert response["FunctionError"] == "Unhandled"
    assert response["body"]["errorMessage"] == "no snapshot of this"
    (record,) = await recorded(service, 1)
    # The publishing would have failed; an invocation does not try again.
    assert events(record).count("threads 1") == 1


async def test_restores_of_the_same_memory_share_no_identity_and_no_id(
    invoke: Invoke, make_function: MakeFunction
) -> None:
    told = []
    for _ in range(2):
        function = make_function(
            "snapshots.lambda_handler",
            snapstart=True,
            env={"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"},
        )
        record = await invoke(function)
        assert record.status == "success", record.log
        assert record.report
        assert (record.report["cold"], record.report["initialization"]) == (True, "snap-start")
        assert record.report["connection"] == "new"
        said = events(record)
        assert said[0] == "before snapshot, sockets 0"
        told.append(dict(line.split(" ", 1) for line in said if not line.startswith("before")))
    for name in ("identity", "trace", "span", "instance"):
        assert told[0][name] != told[1][name]
    assert told[0]["seed"] == told[1]["seed"] == "of the snapshot False"


async def test_workflow_is_served_after_a_restore(
    stack: LocalStack, make_function: MakeFunction, deploy: Deploy
) -> None:
    deployed = await deploy(make_function("lifecycle.lambda_handler", snapstart=True))
    stack.service.recycle(deployed.function.name)
    greeting = await stack.client.execute_workflow(
        "RunActivity",
        args=["greet", "you", 10.0],
        id=f"restored-{deployed.task_queue}",
        task_queue=deployed.task_queue,
    )
    assert greeting == "Hello, you!"
    record = await stack.service.wait_for_record(
        lambda record: bool(
            record.function == deployed.function.name
            and record.report
            and record.report["tasks"]["activity"]
        ),
        20,
    )
    assert record.restore_ms is not None
    assert record.init_ms is None
