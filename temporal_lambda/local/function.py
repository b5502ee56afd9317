"""A Lambda function as the local service sees it."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from temporal_lambda.local.errors import LocalStackError

MAX_TIMEOUT = timedelta(minutes=15)
"""AWS quota."""

NAME = re.compile(r"[A-Za-z0-9-_]{1,64}")
"""AWS's rule for function names."""

MEMORY_MB = range(128, 10_241)
"""AWS quota."""

LATEST = "$LATEST"
"""The version of a function that can still change."""


@dataclass(frozen=True)
class Function:
    """A Lambda function to create: its code and its configuration.

    Args:
        name: The function's name.
        handler: ``module.attribute``, as in Lambda's own setting.
        code: The directory deployed as ``/var/task``.
        timeout: How long an invocation may take; at most 15 minutes, as on AWS.
        memory_mb: Reported to the function; not enforced.
        concurrency: How many invocations may run at once.
        environment: The function's variables. Besides these, the process inherits only what it
            needs to start, such as ``PATH``.
        version: ``$LATEST``, or the number of a published version. The versions of one function
            stand beside each other.
        region: Region in the ARN.
        account: Account in the ARN.
        init_timeout: Time for the import of the handler (AWS: 10 s; with SnapStart 130 s or
            ``timeout``, whichever is longer).
        idle_lifetime: How long an idle execution environment is kept (AWS: unpublished, minutes).
        retries: How often an Event invocation that failed is tried again (AWS: 0 to 2).
        retry_delays: Pauses before the retries (AWS: 1 and 2 minutes).
        max_event_age: When an Event invocation is given up (AWS: 60 s to 6 h).
        snapstart: Whether environments are restored from a snapshot that is taken when the handler
            has been imported, as with SnapStart for published versions (AWS: Python 3.12 and
            later). Here each environment takes a snapshot of its own.
        max_concurrency: Processes of an environment, as on Lambda Managed Instances (AWS: Python
            3.13 and later): each runs an invocation, none is frozen and none is replaced. ``None``
            for a default function, of which an environment is one process. Needs Linux.
        debug_port: Where debugpy listens on 127.0.0.1 in the function's process, which then is not
            frozen between invocations. ``None`` for no debugger. Needs ``concurrency`` 1.

    Raises:
        LocalStackError: A value is outside what Lambda accepts.

    Example:
        >>> function = Function("greeting", "handler.lambda_handler", Path("examples/greeting"))
        >>> function.arn
        'arn:aws:lambda:us-east-1:123456789012:function:greeting'
    """

    name: str
    handler: str
    code: Path
    timeout: timedelta = timedelta(seconds=60)
    memory_mb: int = 512
    concurrency: int = 10
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    version: str = LATEST
    region: str = "us-east-1"
    account: str = "123456789012"
    init_timeout: timedelta = timedelta(seconds=10)
    idle_lifetime: timedelta = timedelta(minutes=5)
    retries: int = 2
    retry_delays: tuple[timedelta, timedelta] = (timedelta(minutes=1), timedelta(minutes=2))
    max_event_age: timedelta = timedelta(hours=6)
    snapstart: bool = False
    max_concurrency: int | None = None
    debug_port: int | None = None

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise LocalStackError(
                f"function name {self.name!r} must be 1 to 64 letters, digits, hyphens or "
                "underscores"
            )
        if not self.code.is_dir():
            raise LocalStackError(f"the function's code {str(self.code)!r} is not a directory")
        if self.handler.count(".") < 1:
            raise LocalStackError(f"handler {self.handler!r} must be module.attribute")
        if not timedelta(0) < self.timeout <= MAX_TIMEOUT:
            raise LocalStackError(f"timeout must be above 0 and at most 15 min; got {self.timeout}")
        if self.memory_mb not in MEMORY_MB:
            raise LocalStackError(f"memory must be 128 to 10240 MB; got {self.memory_mb}")
        if self.concurrency < 1:
            raise LocalStackError(f"concurrency must be 1 or more; got {self.concurrency}")
        if self.max_concurrency is not None and self.max_concurrency < 1:
            raise LocalStackError(f"max_concurrency must be 1 or more; got {self.max_concurrency}")
        if self.max_concurrency and not sys.platform.startswith("linux"):
            raise LocalStackError(
                "max_concurrency needs Linux, which tells the processes of an environment apart"
            )
        if self.max_concurrency and self.snapstart:
            raise LocalStackError("a function on Managed Instances can't have SnapStart")
        if self.debug_port is not None and (self.concurrency != 1 or self.max_concurrency):
            raise LocalStackError("a function with a debug_port must have a concurrency of 1")
        if self.retries not in (0, 1, 2):
            raise LocalStackError(f"retries must be 0, 1 or 2; got {self.retries}")

    @property
    def arn(self) -> str:
        """The function's ARN, without a qualifier."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{self.name}"

    @property
    def qualified_name(self) -> str:
        """The name with the version, or alone for ``$LATEST``."""
        return self.name if self.version == LATEST else f"{self.name}:{self.version}"

    @property
    def qualified_arn(self) -> str:
        """The ARN with the version, or without for ``$LATEST``."""
        return self.arn if self.version == LATEST else f"{self.arn}:{self.version}"

    @property
    def python(self) -> str:
        """The runtime's name, e.g. ``python3.11``."""
        return f"python{sys.version_info.major}.{sys.version_info.minor}"

    def process_environment(self, runtime_api: str, log_stream: str) -> dict[str, str]:
        """The environment variables of a runtime process.

        Args:
            runtime_api: ``host:port`` of the Runtime API.
            log_stream: Name of the log stream.
        """
        passed_on = {name: os.environ[name] for name in INHERITED if name in os.environ}
        variables = {
            **passed_on,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            **self.environment,
            "_HANDLER": self.handler,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{self.python}",
            "AWS_LAMBDA_RUNTIME_API": runtime_api,
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": self.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start" if self.snapstart else "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
            "LAMBDA_TASK_ROOT": str(self.code),
            "LAMBDA_RUNTIME_DIR": str(Path(sys.executable).parent),
        }
        if self.max_concurrency:
            variables["AWS_LAMBDA_INITIALIZATION_TYPE"] = "lambda-managed-instances"
            variables["AWS_LAMBDA_MAX_CONCURRENCY"] = str(self.max_concurrency)
            # Managed Instances have no other format.
            variables["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        if self.snapstart:
            for name in NOT_IN_SNAPSHOTS:
                del variables[name]
        return variables


INHERITED = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "VIRTUAL_ENV")
"""Variables of this machine that a runtime process needs to start. Credentials and settings are
not among them."""

NOT_IN_SNAPSHOTS = ("AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME")
"""Variables that functions with SnapStart don't have (AWS: "Monitoring for Lambda SnapStart")."""
