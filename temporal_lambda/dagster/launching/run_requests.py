"""The two requests about a durable run: its status, and to cancel it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from temporal_lambda.dagster.launching.clients import Clients
from temporal_lambda.dagster.launching.config import LauncherConfig
from temporal_lambda.dagster.launching.invoke import LONGEST_REQUEST_PAUSE, InvokeError, invoke
from temporal_lambda.dagster.launching.outcome import RUN_FAILED, Outcome, interpret_answer
from temporal_lambda.dagster.launching.payload import build_request
from temporal_lambda.dagster.launching.tags import Launch
from temporal_lambda.dagster.protocol import Request

logger = logging.getLogger(__name__)


def request_cancel_or_status(
    clients: Clients,
    config: LauncherConfig,
    launch: Launch,
    run_id: str,
    request: Request,
    patience_seconds: float | None = None,
) -> Outcome:
    """Send a durable run's function a request, and wait for its answer.

    Args:
        clients: Lambda clients.
        config: Says how long the answer may take (``cancel_timeout_seconds``).
        launch: How the run was launched.
        run_id: The run.
        request: ``cancel`` or ``status``.
        patience_seconds: How long to go on trying where AWS throttles; ``cancel_timeout_seconds``
            by default.

    Raises:
        InvokeError: There is no answer.
    """
    client = clients.to_invoke(launch.function, launch.region, config.cancel_timeout_seconds)
    payload = build_request(run_id, request)
    patience = config.cancel_timeout_seconds if patience_seconds is None else patience_seconds
    answer = invoke(
        client,
        launch.function,
        payload,
        "RequestResponse",
        patience,
        longest_pause=LONGEST_REQUEST_PAUSE,
    )
    return interpret_answer(answer, run_id)


def steps_of(
    outcome: Outcome, clients: Clients, config: LauncherConfig, launch: Launch, run_id: str
) -> Sequence[Any]:
    """What became of the ops of a run. A handler that raises can't say; its run's workflow can.

    Args:
        outcome: What an invocation came to.
        clients: Lambda clients.
        config: The launcher's configuration.
        launch: How the run was launched.
        run_id: The run.

    Returns:
        Steps as an answer has them; none if they can't be asked for now.
    """
    if not launch.durable or outcome.error_type != RUN_FAILED:
        return outcome.steps
    try:
        return request_cancel_or_status(clients, config, launch, run_id, "status").steps
    except InvokeError as error:
        logger.warning("run %s: what became of its ops can't be asked: %s", run_id, error)
        return ()
