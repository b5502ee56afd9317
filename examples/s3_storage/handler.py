"""The Lambda function: large payloads go to S3 instead of Temporal's history.

The session lives as long as the execution environment and caches credentials. The client belongs
to one event loop, so it is opened before each invocation's worker starts and closed when it has
stopped.
"""

import dataclasses
import os
from collections.abc import AsyncIterator

import aioboto3
from temporalio.common import WorkerDeploymentVersion
from temporalio.contrib.aws.s3driver import S3StorageDriver
from temporalio.contrib.aws.s3driver.aioboto3 import new_aioboto3_client
from temporalio.converter import DataConverter, ExternalStorage
from workflows import Digest, collect, measure

from temporal_lambda import LambdaWorkerConfig, run_worker

session = aioboto3.Session()


async def configure(config: LambdaWorkerConfig) -> AsyncIterator[None]:
    config.worker_config["task_queue"] = "digests"
    config.worker_config["workflows"] = [Digest]
    config.worker_config["activities"] = [collect, measure]
    config.idle_timeout = "auto"
    async with session.client("s3") as s3:
        driver = S3StorageDriver(
            client=new_aioboto3_client(s3), bucket=os.environ["PAYLOAD_BUCKET"]
        )
        config.client_connect_config["data_converter"] = dataclasses.replace(
            DataConverter.default, external_storage=ExternalStorage(drivers=[driver])
        )
        yield


lambda_handler = run_worker(
    WorkerDeploymentVersion(deployment_name="digest", build_id="1.0"),
    configure,
)
