"""Errors of the user's plugins are themselves, and no tale of an unreachable server."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from temporalio.client import Plugin
from temporalio.service import ConnectConfig

from temporal_lambda import ConnectError, LambdaWorkerConfig
from tests.support.invocations import Serving, at_once, run_invocation


class BadPlugin(Plugin):
    """Fails before, in or after connecting."""

    def __init__(self, when: str) -> None:
        self._when = when

    def configure_client(self, config: Any) -> Any:
        return config

    async def connect_service_client(self, config: ConnectConfig, next: Any) -> Any:
        if self._when == "before":
            check_key(b"7 bytes")
        return await next(config)


def check_key(key: bytes) -> None:
    raise ValueError(f"codec key has {len(key)} bytes, expected 32")


def connecting_with(*plugins: Plugin, reuse: bool = True) -> Any:
    def configure(config: LambdaWorkerConfig) -> None:
        config.worker_config["task_queue"] = "q"
        config.reuse_connection = reuse
        connect: Any = config.client_connect_config
        connect.update(target_host="127.0.0.1:1", plugins=list(plugins))

    return run_invocation(configure, Serving(at_once))


@pytest.mark.parametrize("reuse", [True, False])
def test_error_of_a_plugin_keeps_its_type_and_its_traceback(reuse: bool) -> None:
    run = connecting_with(BadPlugin("before"), reuse=reuse)
    assert isinstance(run.error, ValueError)
    assert not isinstance(run.error, ConnectError)
    assert "in check_key" in "".join(traceback.format_tb(run.error.__traceback__))
    assert run.report["errors"] == [
        "connect: ValueError: codec key has 7 bytes, expected 32",
    ]


@pytest.mark.parametrize("reuse", [True, False])
def test_server_that_is_not_there_is_named_whatever_plugins_there_are(reuse: bool) -> None:
    run = connecting_with(BadPlugin("never"), reuse=reuse)
    assert isinstance(run.error, ConnectError)
    assert "the Temporal server at 127.0.0.1:1, namespace default, can't be reached" in str(
        run.error
    )


def test_causes_of_an_error_are_in_the_report_and_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def configure(config: LambdaWorkerConfig) -> None:
        try:
            raise ImportError("no module named 'pandas'")
        except ImportError as error:
            raise RuntimeError("Failed validating workflow Report") from error

    run = run_invocation(configure)
    assert run.report["errors"] == [
        "configure: RuntimeError: Failed validating workflow Report caused by ImportError: no "
        "module named 'pandas'"
    ]
    assert "ImportError: no module named 'pandas'\n\nThe above exception was" in caplog.text
