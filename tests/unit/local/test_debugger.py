"""The port on which a debugger attaches."""

from __future__ import annotations

import asyncio
import socket

import pytest

from temporal_lambda.local import debugger


async def test_port_that_is_not_given_free_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(debugger, "FREED_WITHIN", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        await debugger.until_free(port)
    assert f"port {port} is still in use" in caplog.text
    assert "--debug-port" in caplog.text


async def test_port_that_is_given_free_in_time_is_no_word_worth(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        asyncio.get_running_loop().call_later(0.1, taken.close)
        await debugger.until_free(port)
    assert caplog.text == ""
