"""The two requests about a durable run: its status, and to cancel it."""

from __future__ import annotations

from temporal_lambda.dagster.launching.clients import Clients
from temporal_lambda.dagster.launching.config import LauncherConfig
from temporal_lambda.dagster.launching.invoke import LONGEST_REQUEST_PAUSE, invoke
from temporal_lambda.dagster.launching.outcome import Outcome, interpret_answer
from temporal_lambda.dagster.launching.payload import build_request
from temporal_lambda.dagster.launching.tags import Launch
from temporal_lambda.dagster.protocol import Request


def request_cancel_or_status(
    clients: Clients,
    config: LauncherConfig,
    launch: Launch,
    run_id: str,
    request: Request,
    patience_seconds: float | None = None,
    events_after: int | None = None,
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
        events_after: How many batches of events are known, for runs that have such.

    Raises:
        InvokeError: There is no answer.
    """
    client = clients.to_invoke(launch.function, launch.region, config.cancel_timeout_seconds)
    payload = build_request(run_id, request, events_after)
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
