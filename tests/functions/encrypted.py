"""A function whose payloads are encoded, and whose activities are watched by an interceptor."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from common import VERSION, event, register
from temporalio import activity, workflow
from temporalio.common import VersioningBehavior
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor
from turned import CONVERTER

from temporal_lambda import LambdaWorkerConfig, run_worker


class Watching(Interceptor):
    """Tells of each activity."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return WatchedActivity(next)


class WatchedActivity(ActivityInboundInterceptor):
    """One attempt of an activity."""

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        event(f"watched {activity.info().activity_type} of {input.args[0]}")
        return await super().execute_activity(input)


@activity.defn
async def whisper(secret: str) -> str:
    return f"psst: {secret}"


@workflow.defn(versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class Whispers:
    @workflow.run
    async def run(self, secret: str) -> str:
        return await workflow.execute_activity(
            whisper, secret, start_to_close_timeout=timedelta(seconds=10)
        )


def configure(config: LambdaWorkerConfig) -> None:
    register(config)
    config.client_connect_config["data_converter"] = CONVERTER
    config.worker_config["workflows"] = [Whispers]
    config.worker_config["activities"] = [whisper]
    config.worker_config["interceptors"] = [Watching()]


lambda_handler = run_worker(VERSION, configure)
