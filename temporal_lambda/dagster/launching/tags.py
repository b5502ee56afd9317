"""Run tags, and the launch they describe."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, get_args

from temporal_lambda.dagster.launching.config import InvocationType, LauncherConfig
from temporal_lambda.dagster.protocol import PayloadMode
from temporal_lambda.errors import SettingsError

PREFIX = "lambda/"
"""Runs with a tag of this prefix go to Lambda."""

FUNCTION_NAME = "lambda/function_name"
FUNCTION_ARN = "lambda/function_arn"
INVOCATION_TYPE = "lambda/invocation_type"
PAYLOAD_MODE = "lambda/payload_mode"
PAYLOAD_CONFIG_PATH = "lambda/payload_config_path"
DURABLE = "lambda/durable"
EXTERNAL = "lambda/external"
MATERIALIZE_PLANNED = "lambda/materialize_planned"
RUN_CODE = "lambda/run_code"

SETTINGS = (
    FUNCTION_NAME,
    FUNCTION_ARN,
    INVOCATION_TYPE,
    PAYLOAD_MODE,
    PAYLOAD_CONFIG_PATH,
    DURABLE,
    EXTERNAL,
    MATERIALIZE_PLANNED,
    RUN_CODE,
)
"""What a job or a run may say."""

FUNCTION = ".dagster/lambda_function"
REQUEST_ID = ".dagster/lambda_request_id"
EXECUTED_VERSION = ".dagster/lambda_executed_version"
WAITER = ".dagster/lambda_waiter"
EVENTS = ".dagster/lambda_events"
"""What the launcher itself writes. Dagster's UI hides tags of this prefix; a run that is executed
again may inherit them, to no effect."""

_ARN = re.compile(
    r"arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):\d{12}:function:"
    r"[A-Za-z0-9-_]+(:(\$LATEST|[A-Za-z0-9-_]+))?"
)
_NAME = re.compile(r"[A-Za-z0-9-_]+(:(\$LATEST|[A-Za-z0-9-_]+))?")


@dataclass(frozen=True)
class Launch:
    """How one run is launched.

    Attributes:
        function: Name or ARN, with a qualifier if one was given.
        region: The ARN's; ``None`` leaves it to the configuration.
        invocation_type: ``Event`` or ``RequestResponse``.
        payload_mode: How much of the run the payload holds.
        payload_config_path: For ``custom``: where in the run config the payload is.
        durable: Whether the function keeps the run as a workflow.
        external: Whether an accepted ``Event`` leaves the run to be finished from outside.
        materialize_planned: Whether success materializes what was planned, if the function
            reports no materialization.
        function_log: Whether the event log may show the end of the function's log.
        run_code: Whether the function executes the job's own steps.
    """

    function: str
    region: str | None = None
    invocation_type: InvocationType = "Event"
    payload_mode: PayloadMode = "full"
    payload_config_path: str | None = None
    durable: bool = False
    external: bool = False
    materialize_planned: bool = False
    function_log: bool = True
    run_code: bool = False

    def described(self) -> dict[str, str]:
        """What an event log may show of it."""
        shown = {
            "Function": self.function,
            "Invocation type": self.invocation_type,
            "Payload mode": self.payload_mode,
            "Durable": str(self.durable).lower(),
        }
        return shown | ({"Region": self.region} if self.region else {})


def is_for_lambda(tags: Mapping[str, str]) -> bool:
    """Whether a run's tags mention Lambda at all."""
    return any(tag.startswith(PREFIX) for tag in tags)


def resolve(tags: Mapping[str, str], config: LauncherConfig) -> Launch:
    """What the tags of a run ask for, completed by the launcher's configuration.

    Args:
        tags: The run's tags; Dagster has already put the job's among them.
        config: The launcher's configuration.

    Raises:
        SettingsError: A tag is unknown, has no such value, or contradicts another; names the tag
            and what is allowed.

    Example:
        >>> launch = resolve({"lambda/function_name": "etl"}, LauncherConfig())
        >>> launch.function, launch.invocation_type, launch.payload_mode
        ('etl', 'Event', 'full')
    """
    for tag in tags:
        if tag.startswith(PREFIX) and tag not in SETTINGS:
            raise SettingsError(f"tag {tag} is unknown; allowed are {', '.join(SETTINGS)}")
    function, region = _function(tags, config)
    _check_allowed(function, config)
    mode: PayloadMode = _choice(tags, PAYLOAD_MODE, get_args(PayloadMode)) or "full"
    durable = _flag(tags, DURABLE, config.default_durable)
    if durable and mode != "full":
        raise SettingsError(
            f"tag {PAYLOAD_MODE} is {mode!r}, but the run is durable (tag {DURABLE} or the "
            "launcher's default_durable), which needs 'full': a durable run is known by its run id"
        )
    invocation_type = (
        _choice(tags, INVOCATION_TYPE, get_args(InvocationType)) or config.default_invocation_type
    )
    run_code = _flag(tags, RUN_CODE, config.default_run_code)
    _check_run_code(run_code, mode, invocation_type, durable=durable)
    return Launch(
        function=function,
        region=region,
        invocation_type=invocation_type,
        payload_mode=mode,
        payload_config_path=_path(tags, mode),
        durable=durable,
        external=_flag(tags, EXTERNAL, config.external),
        materialize_planned=_flag(tags, MATERIALIZE_PLANNED, config.materialize_planned),
        function_log=config.function_log,
        run_code=run_code,
    )


def _check_run_code(run_code: bool, mode: str, invocation_type: str, *, durable: bool) -> None:
    where = f"(tag {RUN_CODE} or the launcher's default_run_code)"
    if run_code and mode != "full":
        raise SettingsError(
            f"tag {PAYLOAD_MODE} is {mode!r}, but the function executes the job's own steps "
            f"{where}, which needs 'full'"
        )
    if run_code and invocation_type == "Event" and not durable:
        raise SettingsError(
            f"the function executes the job's own steps {where} within an invocation of type "
            f"Event, whose answer nobody gets, and so no events of the steps: set "
            f"{INVOCATION_TYPE} to 'RequestResponse', or {DURABLE} to 'true'"
        )


def _function(tags: Mapping[str, str], config: LauncherConfig) -> tuple[str, str | None]:
    name, arn = tags.get(FUNCTION_NAME), tags.get(FUNCTION_ARN)
    if name is not None and arn is not None:
        raise SettingsError(f"tags {FUNCTION_NAME} and {FUNCTION_ARN} are both set; keep one")
    if arn is not None:
        match = _ARN.fullmatch(arn)
        if match is None:
            raise SettingsError(
                f"tag {FUNCTION_ARN} is {arn!r}; allowed is "
                "arn:aws:lambda:<region>:<account>:function:<name>, with or without a :<qualifier>"
            )
        return arn, match["region"]
    if name is None:
        if config.default_function_name is None:
            raise SettingsError(
                f"no function to invoke: set the tag {FUNCTION_NAME} or {FUNCTION_ARN} on the job "
                "or the run, or default_function_name in the launcher's config"
            )
        match = _ARN.fullmatch(config.default_function_name)
        return config.default_function_name, match["region"] if match else None
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"tag {FUNCTION_NAME} is {name!r}; allowed are letters, digits, hyphens and "
            f"underscores, with or without a :qualifier (an ARN goes into {FUNCTION_ARN})"
        )
    return name, None


def _check_allowed(function: str, config: LauncherConfig) -> None:
    if function == config.default_function_name:
        return
    if config.allowed_functions is not None:
        if not any(_matches(function, pattern) for pattern in config.allowed_functions):
            allowed = ", ".join(config.allowed_functions) or "none"
            raise SettingsError(
                f"{function} is not among the allowed_functions of the launcher's config: {allowed}"
            )
    elif function.startswith("arn:") and config.environment_variables:
        raise SettingsError(
            f"{function} may be anybody's, and would be sent environment_variables of the "
            "launcher's config: list it in allowed_functions there"
        )


def _matches(function: str, pattern: str) -> bool:
    """Whether a pattern is for a function, or for one of which this is a version or an alias."""
    if function.startswith("arn:") != pattern.startswith("arn:"):
        return False
    parts = function.split(":")
    unqualified = ":".join(parts[:7] if parts[0] == "arn" else parts[:1])
    return fnmatchcase(function, pattern) or fnmatchcase(unqualified, pattern)


def _path(tags: Mapping[str, str], mode: PayloadMode) -> str | None:
    path = tags.get(PAYLOAD_CONFIG_PATH)
    if mode == "custom" and not path:
        raise SettingsError(
            f"tag {PAYLOAD_MODE} is 'custom', which needs the tag {PAYLOAD_CONFIG_PATH}: a dotted "
            "path from the root of the run config, such as ops.my_op.config"
        )
    if mode != "custom" and path is not None:
        raise SettingsError(
            f"tag {PAYLOAD_CONFIG_PATH} is only for {PAYLOAD_MODE}: custom; the mode is {mode!r}"
        )
    return path


def _flag(tags: Mapping[str, str], tag: str, default: bool) -> bool:
    value = _choice(tags, tag, ("true", "false"))
    return default if value is None else value == "true"


def _choice(tags: Mapping[str, str], tag: str, allowed: Sequence[str]) -> Any:
    value = tags.get(tag)
    if value is not None and value not in allowed:
        raise SettingsError(f"tag {tag} is {value!r}; allowed are {', '.join(allowed)}")
    return value
