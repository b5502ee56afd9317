"""Values such as ``{"env": "API_KEY"}``, which Dagster sends as they stand.

They are replaced where the op runs, just before it does: the secret is in no event, no workflow
history and no answer. Only names that the handler's author has allowed are looked up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

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


def _reference(config: Mapping[str, Any]) -> str | None:
    name = config.get("env")
    return name if len(config) == 1 and isinstance(name, str) else None
