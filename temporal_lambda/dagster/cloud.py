"""The run launcher for agents of Dagster+, which take theirs from their user code launcher."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from temporal_lambda.errors import MissingExtraError

try:
    from dagster import Field
    from dagster_cloud.workspace.user_code_launcher import ProcessUserCodeLauncher

    from temporal_lambda.dagster.dagster_internals import ConfigurableClassData
    from temporal_lambda.dagster.launcher import LambdaRunLauncher
    from temporal_lambda.dagster.launching.config import LauncherConfig
    from temporal_lambda.dagster.launching.config_schema import config_schema
    from temporal_lambda.dagster.launching.inner_launcher import rehydrate
except ModuleNotFoundError as error:
    raise MissingExtraError("temporal_lambda.dagster.cloud", "dagster-cloud", error) from error


class LambdaUserCodeLauncher(ProcessUserCodeLauncher):
    """Runs code servers as processes beside the agent, and runs on Lambda.

    In the agent's ``dagster.yaml``::

        user_code_launcher:
          module: temporal_lambda.dagster.cloud
          class: LambdaUserCodeLauncher
          config:
            run_launcher:
              default_invocation_type: RequestResponse

    Under ``run_launcher`` stands what ``LambdaRunLauncher`` takes. Runs without ``lambda/`` tags go
    to its ``inner``, or else to a process beside the agent, as they would without Lambda. An agent
    names the organization and the deployment in payloads by itself.

    Args:
        inst_data: Where Dagster found the configuration.
        run_launcher: The launcher's configuration.
        options: What ``ProcessUserCodeLauncher`` takes.
    """

    def __init__(
        self,
        inst_data: ConfigurableClassData | None = None,
        run_launcher: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(inst_data=inst_data, **options)
        self._launcher_values = run_launcher or {}
        self._lambda_launcher: LambdaRunLauncher | None = None

    @classmethod
    def config_type(cls) -> dict[str, Any]:
        """The schema of ``user_code_launcher.config``."""
        own = Field(config_schema(), is_required=False, description="See LambdaRunLauncher.")
        return {**super().config_type(), "run_launcher": own}

    def run_launcher(self) -> LambdaRunLauncher:  # type: ignore[override] # Theirs is CloudProcessRunLauncher.
        """The launcher that the agent uses."""
        if self._lambda_launcher is None:
            inner = self._launcher_values.get("inner")
            self._lambda_launcher = LambdaRunLauncher(
                LauncherConfig.of(self._launcher_values),
                rehydrate(inner) if inner else super().run_launcher(),
            )
            self._lambda_launcher.register_instance(self._instance)
        return self._lambda_launcher
