"""An op without a retry policy fails with its first error, as in Dagster."""

from __future__ import annotations

import math
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from temporal_lambda.dagster.serving.plan import ANY_ERROR
from temporal_lambda.dagster.serving.run_context import VARIABLES_ELSEWHERE
from temporal_lambda.timeouts import TimeExpired, at_most

VAIN_ATTEMPTS = 10
"""How often an op that tells no progress may be cut off: what does not fit into an invocation ten
times will not fit the next time, and costs a whole invocation each time."""


BEFORE_TIMEOUT = 0.2
"""Seconds before the start-to-close timeout at which an op is told that it took too long; at the
timeout itself the server would have it attempted again."""


class RetryInterceptor(Interceptor):
    """A worker interceptor: what an op raises is not retried where its retry policy says so.

    The policy itself can't say it, since it knows error types by name only; and a policy of one
    attempt would take attempts that Lambda cut off for failures of the op.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """See base class."""
        return _RetryInbound(next)


class _RetryInbound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        """See base class."""
        info = activity.info()
        policy = info.retry_policy
        if policy is None or ANY_ERROR not in (policy.non_retryable_error_types or ()):
            return await super().execute_activity(input)
        if info.attempt > VAIN_ATTEMPTS and not info.heartbeat_details:
            raise ApplicationError(
                f"cut off {VAIN_ATTEMPTS} times by the end of its invocation, each time from the "
                "beginning: give the function a longer timeout, divide the op, or let it heartbeat "
                "how far it is and go on from there",
                type="CutOff",
                non_retryable=True,
            )
        limit = info.start_to_close_timeout
        try:
            async with at_most(limit.total_seconds() - BEFORE_TIMEOUT if limit else math.inf):
                return await super().execute_activity(input)
        except CancelledError:
            raise
        except TimeExpired:
            raise ApplicationError(
                "it took longer than its start_to_close_timeout", type="Timeout", non_retryable=True
            ) from None
        except ApplicationError as error:
            if error.type == VARIABLES_ELSEWHERE:
                raise
            # With the stack of the op, and without a cause: that would say the same once more.
            raise ApplicationError(
                error.message, *error.details, type=error.type, non_retryable=True
            ).with_traceback(error.__traceback__) from error.__cause__
        except Exception as error:
            raise ApplicationError(
                str(error), type=type(error).__name__, non_retryable=True
            ) from error
