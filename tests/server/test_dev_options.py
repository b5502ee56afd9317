"""Options of ``temporal-lambda dev``, and a handler that is not well yet."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.support.dev_session import Dev

EXAMPLES = Path(__file__).parents[2] / "examples"

TELLS = """
import logging, os
from shop.workflows import Greeting, compose_greeting
print("from the file:", os.environ["FROM_FILE"], "and", os.environ["BOTH"])
print("credentials:", os.environ["AWS_ACCESS_KEY_ID"], os.environ.get("AWS_PROFILE"))
logging.getLogger().info("told at INFO")
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The greeting's handler as a package in a src layout."""
    shop = tmp_path / "src" / "shop"
    shutil.copytree(EXAMPLES / "greeting", shop)
    (shop / "__init__.py").touch()
    handler = shop / "handler.py"
    imports = "from workflows import Greeting, compose_greeting"
    handler.write_text(handler.read_text().replace(imports, TELLS))
    return tmp_path


def test_execution_of_a_type_that_is_not_registered_ends_at_once(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    (project / ".env").write_text("FROM_FILE=1\nBOTH=file\n")
    dev = Dev(
        *("shop.handler.lambda_handler", "--code", str(project / "src")),
        *("--env-file", str(project / ".env"), "--env", "BOTH=line", "--log-level", "info"),
        *("--aws-credentials", "--execute", "Nope", "--execute-timeout", "60s"),
    )
    begun = time.monotonic()
    assert dev.finish() == 1, dev.output
    assert time.monotonic() - begun < 50
    assert "Workflow class Nope is not registered on this worker" in dev.output
    assert "from the file: 1 and line" in dev.output
    assert "credentials:  mine" in dev.output
    assert "told at INFO" in dev.output


def test_handler_that_fails_at_the_start_is_waited_for(project: Path) -> None:
    handler = project / "src" / "shop" / "handler.py"
    good = handler.read_text()
    handler.write_text(good + "\nraise RuntimeError('not yet')\n")
    dev = Dev(
        *("shop.handler:lambda_handler", "--code", str(project / "src")),
        *("--env", "FROM_FILE=1", "--env", "BOTH=1"),
    )
    try:
        dev.wait_for("RuntimeError: not yet")
        dev.wait_for("waiting for a change of the source")
        handler.write_text(good)
        dev.wait_for("start one")
    finally:
        dev.kill()
