"""Values such as ``{"env": "API_KEY"}``, which Dagster sends as they stand.

They are replaced where the op runs, just before it does: the secret is in no event, no workflow
history and no answer. Only names that the handler's author has allowed are looked up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from temporal_lambda.dagster.serving.ops import (
    activity_name,
    config_model,
    is_async,
    parameter_types,
    validate,
)
from temporal_lambda.errors import PayloadError


def check_references(config: Any, allowed: Collection[str], op: str) -> None:
    """Make sure that a config refers to nothing it may not.

    Args:
        config: The config of an op.
        allowed: The variables it may refer to.
        op: What to call the op in an error.

    Raises:
        PayloadError: It refers to another one.
    """
    for name in references(config):
        if name not in allowed:
            raise PayloadError(
                f"the config of op {op!r} refers to the environment variable {name!r}, which is "
                "not allowed here: add it to env=[...] of run_dagster_worker, and set it in the "
                "function's environment"
            )


def references(config: Any) -> Iterator[str]:
    """The environment variables that a config refers to.

    Example:
        >>> list(references({"url": "https://example.com", "key": {"env": "API_KEY"}}))
        ['API_KEY']
    """
    if isinstance(config, dict):
        if (name := _reference(config)) is not None:
            yield name
        else:
            for value in config.values():
                yield from references(value)
    elif isinstance(config, list):
        for value in config:
            yield from references(value)


def resolve_references(
    config: Any, allowed: Collection[str], environment: Mapping[str, str]
) -> Any:
    """A config with the values it refers to.

    Args:
        config: The config of an op.
        allowed: The variables it may refer to; others are left as they stand.
        environment: Where to look them up.

    Raises:
        PayloadError: A variable is not set.

    Example:
        >>> resolve_references({"key": {"env": "API_KEY"}}, ["API_KEY"], {"API_KEY": "k-1"})
        {'key': 'k-1'}
    """
    if isinstance(config, dict):
        name = _reference(config)
        if name is None or name not in allowed:
            return {
                key: resolve_references(value, allowed, environment)
                for key, value in config.items()
            }
        if name not in environment:
            raise PayloadError(f"the environment variable {name} is not set in this function")
        return environment[name]
    if isinstance(config, list):
        return [resolve_references(value, allowed, environment) for value in config]
    return config


def resolving(function: Callable[..., Any], allowed: Collection[str]) -> Callable[..., Any]:
    """The same activity, with its first argument resolved before it is called.

    Args:
        function: The activity.
        allowed: The variables its config may refer to.
    """
    name, model = activity_name(function), config_model(function)
    types = parameter_types(function)

    def prepare(args: tuple[Any, ...]) -> list[Any]:
        try:
            resolved = [resolve_references(one, allowed, os.environ) for one in args[:1]]
            for config in resolved:
                validate(model, config, name)
            # Without annotations of its own this function is given plain JSON; from here on it is
            # as if the SDK had decoded the arguments for the activity itself.
            converter = activity.payload_converter()
            payloads = converter.to_payloads([*resolved, *args[1:]])
            hints = types[: len(payloads)] if len(types) >= len(payloads) else None
            return converter.from_payloads(payloads, hints)
        except PayloadError as error:
            problem = str(error)
        except Exception as error:
            problem = f"the arguments of {name} can't be converted: {type(error).__name__}"
        # Out of reach of the error above, whose text may show the secret; a cause ends up in the
        # history like the rest.
        raise ApplicationError(problem, type="PayloadError", non_retryable=True)

    async def call_async(*args: Any) -> Any:
        return await function(*prepare(args))

    def call(*args: Any) -> Any:
        return function(*prepare(args))

    return activity.defn(name=name)(call_async if is_async(function) else call)


def _reference(config: Mapping[str, Any]) -> str | None:
    name = config.get("env")
    return name if len(config) == 1 and isinstance(name, str) else None
