"""The example's Lambda functions, as one would create them on AWS."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from temporal_lambda.local import Function

CODE = Path(__file__).parents[1]

DURABLE_TIMEOUT = timedelta(seconds=5)
"""Short, so that a run that takes longer doesn't take long."""

LOGGING = {"AWS_LAMBDA_LOG_FORMAT": "JSON", "AWS_LAMBDA_LOG_LEVEL": "INFO"}
"""Lambda's root logger stops at WARNING otherwise."""

DURABLE = Function(
    "dagster-durable",
    "durable_handler.lambda_handler",
    CODE,
    timeout=DURABLE_TIMEOUT,
    environment={
        **LOGGING,
        "TEMPORAL_LAMBDA_IDLE_TIMEOUT": "1s",
        # What a short timeout leaves time for.
        "TEMPORAL_LAMBDA_GRACEFUL_SHUTDOWN_TIMEOUT": "500ms",
    },
)

BUCKET = "shop"
"""Where the steps of ``shop`` keep what they return."""


def code_function(s3_endpoint: str) -> Function:
    """The function that executes jobs as they are.

    Args:
        s3_endpoint: Where S3 is on this machine.
    """
    return Function(
        "dagster-code",
        "code_handler.lambda_handler",
        CODE,
        timeout=timedelta(seconds=10),
        # Dagster's import takes 2 s, and longer while all processors are busy.
        init_timeout=timedelta(seconds=40),
        environment={
            **LOGGING,
            **shop_variables(s3_endpoint),
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "TEMPORAL_LAMBDA_IDLE_TIMEOUT": "1s",
            "TEMPORAL_LAMBDA_GRACEFUL_SHUTDOWN_TIMEOUT": "500ms",
        },
    )


def shop_variables(s3_endpoint: str) -> dict[str, str]:
    """What the resources of ``shop`` refer to; Dagster looks for it, too, as it plans a run."""
    return {"SHOP_BUCKET": BUCKET, "SHOP_S3_ENDPOINT": s3_endpoint}


OTHERS = [
    Function(
        "dagster-inline",
        "inline_handler.lambda_handler",
        CODE,
        timeout=timedelta(seconds=15),
        environment=LOGGING,
    ),
    *(
        Function(name, f"existing_lambdas.{name.replace('-', '_')}", CODE)
        for name in ("copy-files", "call-api", "run-config-etl", "nightly-etl")
    ),
]
