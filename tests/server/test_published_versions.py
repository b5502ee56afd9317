"""Published versions and aliases of one function, beside each other."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from botocore.exceptions import ClientError

from temporal_lambda.local import LambdaService
from temporal_lambda.local.errors import LocalStackError
from tests.support.lambdas import call, function


def publish(service: LambdaService, version: str) -> None:
    service.add(function("echo", version=version, environment={"BUILD": version}))


async def test_versions_of_a_function_are_invoked_by_their_qualifier(
    service: LambdaService, client: Any
) -> None:
    publish(service, "1")
    publish(service, "2")
    arn = "arn:aws:lambda:us-east-1:123456789012:function:echo"
    first = await call(client, f"{arn}:1", {})
    second = await call(client, "echo", {}, Qualifier="2")
    assert [r["ExecutedVersion"] for r in (first, second)] == ["1", "2"]
    assert [r["body"]["environment"]["BUILD"] for r in (first, second)] == ["1", "2"]
    assert first["body"]["environment"]["AWS_LAMBDA_FUNCTION_VERSION"] == "1"
    assert first["body"]["arn"] == f"{arn}:1"
    assert first["body"]["pid"] != second["body"]["pid"]
    assert [(r.function, r.version) for r in service.records] == [("echo", "1"), ("echo", "2")]
    found = await asyncio.to_thread(client.get_function, FunctionName="echo", Qualifier="1")
    described = found["Configuration"]
    assert (described["FunctionArn"], described["Version"]) == (f"{arn}:1", "1")


async def test_name_alone_is_latest_or_else_the_last_version(
    service: LambdaService, client: Any
) -> None:
    publish(service, "1")
    publish(service, "2")
    assert (await call(client, "echo", {}))["ExecutedVersion"] == "2"
    publish(service, "$LATEST")
    assert (await call(client, "echo", {}))["ExecutedVersion"] == "$LATEST"


async def test_alias_moves_from_version_to_version(service: LambdaService, client: Any) -> None:
    publish(service, "1")
    publish(service, "2")
    for version in ("1", "2"):
        service.alias("echo", "live", version)
        assert (await call(client, "echo:live", {}))["ExecutedVersion"] == version
    with pytest.raises(LocalStackError, match="function echo has no version 3 to be alias live"):
        service.alias("echo", "live", "3")


async def test_version_that_was_not_published_is_not_found(
    service: LambdaService, client: Any
) -> None:
    publish(service, "1")
    for qualifier in ("2", "live", "$LATEST"):
        with pytest.raises(ClientError, match="Function not found"):
            await call(client, "echo", {}, Qualifier=qualifier)


async def test_version_that_is_added_again_starts_cold(service: LambdaService, client: Any) -> None:
    publish(service, "1")
    publish(service, "2")
    for name in ("echo:1", "echo:2"):
        await call(client, name, {})
    publish(service, "1")
    calls = [(await call(client, name, {}))["body"]["calls"] for name in ("echo:1", "echo:2")]
    assert calls == [1, 2]
