"""Which steps an invocation closes with, and in which order."""

from __future__ import annotations

from temporal_lambda.config import LambdaWorkerConfig
from temporal_lambda.naming import name_of
from temporal_lambda.runtime.budget import HAND_BACK, MARGIN, Budget
from temporal_lambda.runtime.closing_steps import ClosingSteps
from temporal_lambda.runtime.concessions import list_of_hooks
from temporal_lambda.runtime.configure_callback import Teardown
from temporal_lambda.runtime.progress import Progress
from temporal_lambda.timeouts import CLEANUP


def queue_steps(
    steps: ClosingSteps,
    closing: Budget,
    config: LambdaWorkerConfig,
    progress: Progress,
    teardown: Teardown | None,
) -> None:
    """Queue what is left to do once the worker has stopped.

    The server is told of abandoned activities first, since their retries wait for that; then come
    the hooks, the teardown, and what must see how these have ended.

    Args:
        steps: Where to.
        closing: The time there is.
        config: This invocation's configuration.
        progress: How far the invocation has come.
        teardown: The other half of the callback, if it has one.
    """
    worker = progress.worker
    if worker and progress.report.abandoned and worker.activities.on_server:
        gone_after = closing.hooks_left() + MARGIN
        steps.add(
            "hand-back",
            "abandoned activities",
            lambda: worker.hand_back(HAND_BACK, gone_after),
            longest=HAND_BACK + CLEANUP,
        )
    for hook in list_of_hooks(config.shutdown_hooks) or []:
        steps.add("hook", name_of(hook), hook)
    if teardown:
        steps.add("teardown", "configure callback", lambda: _tear_down(teardown, progress))
    for name, last in config.invocation.last_steps:
        steps.add("last step", name, last)


async def _tear_down(teardown: Teardown, progress: Progress) -> None:
    """Let the callback see the error; it may handle it, or raise it again."""
    error = progress.error
    try:
        handled = await teardown(error)
    except BaseException as raised:
        if raised is not error:
            raise
        return
    if handled:
        progress.error = None
