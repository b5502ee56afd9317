"""Configurations as a callback leaves them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio.common import WorkerDeploymentVersion

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.runtime.config_factory import ConfigFactory
from temporal_lambda.settings.sources import Settings

VERSION = WorkerDeploymentVersion("service", "v1")

PRODUCTION = """
[profile.default]
address = "shop.tmprl.cloud:7233"
namespace = "shop.prod"

[profile.default.tls]
client_cert_path = "/etc/shop/client.pem"
client_key_path = "/etc/shop/client.key"

[lambda_worker]
api_key_secret = "shop/production#api_key"
"""
"""A ``temporal.toml`` whose certificates are on other machines, and whose secret is in AWS."""


def factory(connect: Any = None, **values: Any) -> ConfigFactory:
    return ConfigFactory(Settings(connect or {}, values, None), VERSION)


def completed(
    change: Any = lambda config: None, connect: Any = None, **values: Any
) -> LambdaWorkerConfig:
    """A configuration after a callback that sets a task queue and makes one change."""
    made = factory(connect, **values)
    config = made.new()
    config.worker_config["task_queue"] = "q"
    change(config)
    made.complete(config)
    return config


def set_graceful(seconds: float) -> Any:
    def change(config: LambdaWorkerConfig) -> None:
        config.worker_config["graceful_shutdown_timeout"] = timedelta(seconds=seconds)

    return change
