"""Requests that no SDK on this machine sends: web pages', other programs', a function's child's."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from temporal_lambda.local import LambdaService, LocalStack
from temporal_lambda.local.invoke_api import InvokeApi
from tests.support.lambdas import call, function, running_pid, server_option
from tests.support.processes import process_state
from tests.support.waiting import until

INVOKE = "/2015-03-31/functions/echo/invocations"
NEXT = "/2018-06-01/runtime/invocation/next"

FOREIGN = [
    {"Origin": "https://page.example", "Content-Type": "text/plain"},
    {"Origin": "null"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    {"Host": "rebound.example"},
    {"Host": "127.0.0.1.rebound.example:80"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
async def test_page_can_neither_invoke_a_function_nor_read_its_configuration(
    headers: dict[str, str], service: LambdaService
) -> None:
    service.add(function("echo"))
    async with InvokeApi(service) as api, aiohttp.ClientSession(api.endpoint) as http:
        for method, path in (
            ("POST", INVOKE),
            ("GET", "/2015-03-31/functions/echo"),
            ("OPTIONS", INVOKE),
        ):
            async with http.request(method, path, data=b"{}", headers=headers) as response:
                assert response.status == 403
                assert response.headers["x-amzn-ErrorType"] == "AccessDeniedException"
                assert not [name for name in response.headers if name.startswith("Access-Control")]
    assert service.invocations == 0


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9001", "127.0.0.1:1", "[::1]:9001"])
async def test_any_name_of_this_machine_will_do(host: str, service: LambdaService) -> None:
    service.add(function("echo"))
    async with (
        InvokeApi(service) as api,
        aiohttp.ClientSession(api.endpoint, headers={"Host": host}) as http,
        http.get("/2015-03-31/functions/echo") as response,
    ):
        assert response.status == 200


async def test_function_and_its_child_cant_take_the_runtimes_place(
    service: LambdaService, client: Any
) -> None:
    service.add(function("meddle"))
    for _ in range(2):
        assert (await call(client, "meddle", {}))["body"] == [403, 403, 403]
    assert [record.status for record in service.records] == ["success", "success"]


async def test_invocation_goes_on_though_a_stranger_asks_for_the_next_one(
    service: LambdaService, client: Any
) -> None:
    service.add(function("nap"))
    running = asyncio.create_task(call(client, "nap", {"seconds": 1}))
    pid = await running_pid(service, "nap")
    await ask_in_vain(runtime_api(pid))
    assert (await running)["body"] == pid
    # The same while the environment waits, frozen, for an invocation.
    await until(lambda: process_state(pid) == "T")
    await ask_in_vain(runtime_api(pid))
    assert (await call(client, "nap", {"seconds": 0}))["body"] == pid
    assert [record.status for record in service.records] == ["success", "success"]


async def test_servers_http_api_is_closed(stack: LocalStack) -> None:
    port = server_option(stack, "--http-port")
    url = f"http://127.0.0.1:{port}/api/v1/namespaces/default/workflows/from-a-page"
    start = {"workflowType": {"name": "Any"}, "taskQueue": {"name": "any"}}
    async with aiohttp.ClientSession() as http, http.post(url, json=start) as response:
        assert response.status == 403
        assert "Host not allowed" in await response.text()


async def ask_in_vain(address: str) -> None:
    """Ask for the next invocation from this process, as a program and as a page does."""
    timeout = aiohttp.ClientTimeout(total=5)
    async with aiohttp.ClientSession(f"http://{address}", timeout=timeout) as http:
        for headers in ({}, *FOREIGN):
            async with http.get(NEXT, headers=headers) as response:
                assert response.status == 403


def runtime_api(pid: int) -> str:
    """The address of a process's Runtime API."""
    with open(f"/proc/{pid}/environ") as environ:
        variables = dict(pair.partition("=")[::2] for pair in environ.read().split("\0"))
    return variables["AWS_LAMBDA_RUNTIME_API"]
