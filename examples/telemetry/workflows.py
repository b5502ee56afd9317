"""A parcel's journey: two activities with a pause in between, and custom spans."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from opentelemetry import trace
from temporalio import activity, workflow
from temporalio.common import VersioningBehavior


@activity.defn
async def collect(parcel: str) -> float:
    """Collect a parcel, and return its weight in kilograms."""
    with trace.get_tracer("parcels").start_as_current_span("weigh") as span:
        await asyncio.sleep(0.3)
        span.set_attribute("parcel.kilograms", 2.5)
    activity.logger.info("collected %s", parcel)
    return 2.5


@activity.defn
async def deliver(parcel: str) -> str:
    """Deliver a parcel, and return who accepted it."""
    with trace.get_tracer("parcels").start_as_current_span("ring the bell"):
        await asyncio.sleep(0.5)
    activity.logger.info("delivered %s", parcel)
    return "neighbour"


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Parcel:
    """Collects, waits for the morning, delivers."""

    @workflow.run
    async def run(self, parcel: str, night: float) -> str:
        """Deliver one parcel.

        Args:
            parcel: The parcel's number.
            night: Seconds until the morning.
        """
        await workflow.execute_activity(
            collect, parcel, start_to_close_timeout=timedelta(seconds=10)
        )
        with trace.get_tracer("parcels").start_as_current_span("night"):
            await workflow.sleep(night)
        return await workflow.execute_activity(
            deliver, parcel, start_to_close_timeout=timedelta(seconds=10)
        )
