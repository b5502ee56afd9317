"""Where the output of a step can be read: the log stream of its execution environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from urllib.parse import quote


def cloudwatch_url(environ: Mapping[str, str] = os.environ) -> str | None:
    """The address of this environment's log stream in the AWS console.

    Args:
        environ: The environment, in which Lambda names the stream.

    Returns:
        The address; ``None`` outside of Lambda.

    Example:
        >>> names = {"AWS_REGION": "eu-west-1", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/etl"}
        >>> cloudwatch_url({**names, "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/09/[3]ab"})
        ... # doctest: +NORMALIZE_WHITESPACE
        'https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:log-groups/log-group/$252Faws$252Flambda$252Fetl/log-events/2026$252F01$252F09$252F$255B3$255Dab'
    """
    region = environ.get("AWS_REGION")
    group = environ.get("AWS_LAMBDA_LOG_GROUP_NAME")
    stream = environ.get("AWS_LAMBDA_LOG_STREAM_NAME")
    if not (region and group and stream):
        return None
    place = f"log-group/{_twice(group)}/log-events/{_twice(stream)}"
    console = f"https://{region}.console.aws.amazon.com/cloudwatch/home"
    return f"{console}?region={region}#logsV2:log-groups/{place}"


def _twice(name: str) -> str:
    """A name as the console's addresses have it: escaped twice, with $ for %."""
    return quote(quote(name, safe=""), safe="").replace("%", "$")
