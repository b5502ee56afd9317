"""Workflows and activities that make spans of their own."""

from __future__ import annotations

import logging
import os
import time
from datetime import timedelta

from opentelemetry import metrics, trace
from temporalio import activity, workflow
from temporalio.common import RetryPolicy, VersioningBehavior

logger = logging.getLogger("orders")


@activity.defn
async def charge(amount: int) -> int:
    with trace.get_tracer("orders").start_as_current_span("card"):
        activity.logger.warning("charging %d", amount)
        logger.warning("charged %d", amount)
    return os.getpid()


@activity.defn
def stuck(seconds: float) -> None:
    with trace.get_tracer("orders").start_as_current_span("before it sticks"):
        pass
    time.sleep(seconds)


@activity.defn
async def block(seconds: float) -> None:
    with trace.get_tracer("orders").start_as_current_span("before it sticks"):
        pass
    time.sleep(seconds)  # noqa: ASYNC251 - the mistake this is about


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Order:
    """Charges twice, with a pause in between that outlasts an invocation."""

    @workflow.run
    async def run(self, pause: float) -> None:
        # This code runs again in each invocation; the order is one.
        metrics.get_meter("orders").create_counter("orders_started").add(1)
        with trace.get_tracer("orders").start_as_current_span("order"):
            await self.charge(1)
            if pause:
                await workflow.sleep(pause)
            workflow.logger.warning("half of it is paid")
            await self.charge(2)

    async def charge(self, amount: int) -> None:
        await workflow.execute_activity(
            charge, amount, start_to_close_timeout=timedelta(seconds=20)
        )


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Stuck:
    """Runs an activity that won't stop."""

    @workflow.run
    async def run(self, activity_name: str, seconds: float) -> None:
        await workflow.execute_activity(
            activity_name,
            seconds,
            start_to_close_timeout=timedelta(seconds=60),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )
