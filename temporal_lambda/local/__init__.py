"""A Lambda service and a Temporal server on this machine.

``LocalStack`` is both in one object. It needs the extra ``local``.
"""

import os
from importlib.util import find_spec

from temporal_lambda.errors import MissingExtraError, PlatformError

if os.name == "nt":
    raise PlatformError(
        "the local stack needs Linux or macOS; on Windows, use WSL 2: install Linux there "
        "(wsl --install), and this package in it"
    )

try:
    # Functions run in it, in processes of their own.
    if not find_spec("awslambdaric"):
        raise ModuleNotFoundError(name="awslambdaric")
    from temporal_lambda.local.errors import LocalStackError
    from temporal_lambda.local.function import Function
    from temporal_lambda.local.records import DroppedEvent, InvocationRecord
    from temporal_lambda.local.service import LambdaService
    from temporal_lambda.local.stack import LocalStack
except ModuleNotFoundError as error:
    raise MissingExtraError("temporal_lambda.local", "local", error) from error

__all__ = [
    "DroppedEvent",
    "Function",
    "InvocationRecord",
    "LambdaService",
    "LocalStack",
    "LocalStackError",
]
