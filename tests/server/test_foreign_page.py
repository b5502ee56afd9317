"""A web page in a developer's browser, while the local stack runs: a real one, in Chromium.

The page belongs to another origin, or to one whose name was pointed at this machine. It tries what
pages can: fetch, forms, images. What it sends to a server of its own arrives, so it does send.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web
from playwright.async_api import Page, async_playwright

from examples.dagster.demo.browser import ARGUMENTS, find_browser
from temporal_lambda.local import LambdaService, LocalStack
from temporal_lambda.local.invoke_api import InvokeApi
from tests.server.test_foreign_requests import runtime_api
from tests.support.lambdas import function, running_pid, server_option

REBOUND = "rebound.example"
"""A name that the browser resolves to this machine, as a rebinding name server would have it."""

TRY_ALL = """async (urls) => {
    const settled = [];
    const image = (url) => new Promise((done) => {
        const element = new Image();
        element.onload = element.onerror = done;
        element.src = url;
    });
    const post = (url, more) => fetch(url, {method: "POST", body: '{"from": "a page"}', ...more});
    const form = (url) => {
        const element = document.createElement("form");
        const frame = document.createElement("iframe");
        frame.name = "result" + settled.length;
        document.body.append(frame, element);
        Object.assign(element, {method: "POST", action: url, target: frame.name});
        element.enctype = "text/plain";
        const done = new Promise((loaded) => { frame.onload = loaded; setTimeout(loaded, 1000); });
        element.submit();
        return done;
    };
    for (const url of urls) {
        for (const attempt of [
            () => image(url),
            () => fetch(url, {mode: "no-cors"}),
            () => fetch(url).then((response) => response.text()),
            () => post(url, {mode: "no-cors", headers: {"Content-Type": "text/plain"}}),
            () => post(url, {headers: {"Content-Type": "application/json"}}),
            () => navigator.sendBeacon(url, '{"from": "a page"}'),
            () => form(url),
        ]) {
            const outcome = await attempt().catch?.(String) ?? attempt;
            settled.push(typeof outcome === "string" ? outcome : "sent");
        }
    }
    return settled;
}"""

READ = "(url) => fetch(url).then(async (response) => [response.status, await response.text()])"


class OwnServer:
    """The page's own server, which counts what arrives."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.port = 0

    @asynccontextmanager
    async def run(self) -> AsyncIterator[OwnServer]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.requests.append(f"{request.method} {request.path}")
        return web.Response(text="<html><body>a page</body></html>", content_type="text/html")


@asynccontextmanager
async def browser_page(url: str) -> AsyncIterator[Page]:
    """A page at an address; names under ``.example`` lead to this machine."""
    rules = f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1, MAP page.example 127.0.0.1"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_browser(), args=[*ARGUMENTS, rules]
        )
        try:
            page = await (await browser.new_context()).new_page()
            await page.goto(url)
            yield page
        finally:
            await browser.close()


async def test_page_reaches_nothing(stack: LocalStack, service: LambdaService) -> None:
    service.add(function("nap"))
    running = asyncio.create_task(service.invoke(function("nap"), b'{"seconds": 15}'))
    pid = await running_pid(service, "nap")
    async with InvokeApi(service) as api, OwnServer().run() as own:
        http_api = f"http://127.0.0.1:{server_option(stack, '--http-port')}"
        runtime = f"http://{runtime_api(pid)}/2018-06-01/runtime/invocation"
        targets = [
            f"{api.endpoint}/2015-03-31/functions/nap/invocations",
            f"{runtime}/next",
            f"{runtime}/guessed/response",
            f"{http_api}/api/v1/namespaces/default/workflows/from-a-page",
        ]
        control = f"http://127.0.0.1:{own.port}/control"
        async with browser_page(f"http://page.example:{own.port}/") as page:
            await page.evaluate(TRY_ALL, [control, *targets])
    assert own.requests.count("POST /control") >= 3
    assert own.requests.count("GET /control") >= 3
    record, answer = await running
    assert record.status == "success"
    assert int(answer.payload) == pid
    assert service.invocations == 1
    found = [run.id async for run in stack.client.list_workflows("WorkflowId = 'from-a-page'")]
    assert found == []


async def test_page_whose_name_was_pointed_at_this_machine_reads_nothing(
    service: LambdaService,
) -> None:
    service.add(function("nap"))
    async with InvokeApi(service) as api:
        port = api.endpoint.rpartition(":")[2]
        path = "/2015-03-31/functions/nap"
        async with aiohttp.ClientSession(api.endpoint) as http, http.get(path) as response:
            assert response.status == 200
        async with browser_page(f"http://{REBOUND}:{port}{path}") as page:
            status, text = await page.evaluate(READ, path)
    assert status == 403
    assert "FunctionArn" not in text
