"""Resources of the machine that run out under the local Lambda, and what becomes of events."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from temporal_lambda.local import LambdaService
from tests.support.lambdas import call, function
from tests.support.processes import no_more_descriptors, open_descriptors
from tests.support.waiting import until

NO_PAUSE = (timedelta(0), timedelta(0))


async def test_call_without_descriptors_is_one_clear_error_and_the_next_one_works(
    service: LambdaService, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    service.add(function("say"))
    await call(client, "say", {})
    service.recycle("say")
    await until(lambda: not service.environments("say"))
    before = open_descriptors()
    with no_more_descriptors(), pytest.raises(ClientError) as error:
        await call(client, "say", {})
    response = error.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert response["Error"]["Code"] == "ServiceException"
    assert "out of file descriptors: raise its limit of" in response["Error"]["Message"]
    assert "Traceback" not in caplog.text
    assert service.records[-1].status == "service_error"
    assert open_descriptors() <= before
    assert (await call(client, "say", {}))["body"] == "said"


async def test_event_without_descriptors_is_retried_and_dropped_with_its_reason(
    service: LambdaService,
) -> None:
    service.add(function("say", retry_delays=NO_PAUSE))
    with no_more_descriptors():
        for _ in range(8):
            service.enqueue(function("say"), b"{}", arn=None, trace_id=None)
        await until(lambda: len(service.dropped) == 8)
    assert {(event.reason, event.attempts) for event in service.dropped} == {
        ("RetriesExhausted", 3)
    }
    assert all("out of file descriptors" in str(event.error) for event in service.dropped)
    assert [record.status for record in service.records] == ["service_error"] * 24
    assert not service.environments("say")


async def test_event_is_delivered_once_the_shortage_is_over(service: LambdaService) -> None:
    service.add(function("say", retry_delays=(timedelta(seconds=0.3), timedelta(0))))
    with no_more_descriptors():
        service.enqueue(function("say"), b"{}", arn=None, trace_id=None)
        await until(lambda: len(service.records) == 1)
    await until(lambda: len(service.records) == 2)
    assert [record.status for record in service.records] == ["service_error", "success"]
    assert service.dropped == []


async def test_events_not_done_when_the_service_stops_are_in_dropped() -> None:
    async with LambdaService() as service:
        service.add(function("nap", concurrency=1))
        for number in range(3):
            payload = b'{"seconds": 30, "n": %d}' % number
            service.enqueue(function("nap"), payload, arn=None, trace_id=None)
        await until(lambda: service.busy("nap") == 1)
    assert sorted((event.reason, event.attempts) for event in service.dropped) == [
        ("ServiceStopped", 0),
        ("ServiceStopped", 0),
        ("ServiceStopped", 1),
    ]
