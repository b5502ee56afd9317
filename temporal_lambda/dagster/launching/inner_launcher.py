"""The launcher of runs that are not for Lambda, made from its configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from dagster import DagsterInstance

from temporal_lambda.dagster.dagster_internals import ConfigurableClassData, RunLauncher
from temporal_lambda.errors import SettingsError


def rehydrate(inner: Mapping[str, Any]) -> RunLauncher[DagsterInstance]:
    """Make the launcher that ``module``, ``class`` and ``config`` name.

    Args:
        inner: ``run_launcher.config.inner`` of ``dagster.yaml``.

    Raises:
        SettingsError: The class is no run launcher.

    Example:
        >>> type(rehydrate({"module": "dagster", "class": "DefaultRunLauncher"})).__name__
        'DefaultRunLauncher'
    """
    # JSON is YAML.
    data = ConfigurableClassData(
        inner["module"], inner["class"], json.dumps(inner.get("config") or {})
    )
    launcher = data.rehydrate()
    if not isinstance(launcher, RunLauncher):
        raise SettingsError(
            f"run_launcher.config.inner: {inner['module']}.{inner['class']} is no run launcher"
        )
    return launcher
