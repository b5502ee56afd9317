"""A worker whose API key is in Secrets Manager."""

from __future__ import annotations

from common import VERSION, register

from temporal_lambda import LambdaWorkerConfig, run_worker
from temporal_lambda.aws import SecretCredentials

CREDENTIALS = SecretCredentials(api_key="temporal#api_key")


def configure(config: LambdaWorkerConfig) -> None:
    register(config)
    config.credentials = CREDENTIALS
    # The gateway speaks plain text; with an API key, the client would use TLS by itself.
    config.client_connect_config["tls"] = False


lambda_handler = run_worker(VERSION, configure)
