"""What the tests of your own functions need; with pytest, its fixtures are there by themselves.

It needs the extra ``local``. docs/testing.md has examples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from temporal_lambda.lazy_face import lazy_face

if TYPE_CHECKING:
    from temporal_lambda.testing.background_stack import BackgroundStack
    from temporal_lambda.testing.deployed_function import Answered, DeployedFunction
    from temporal_lambda.testing.direct import HandlerRun, invoke_handler
    from temporal_lambda.testing.faults import Faults
    from temporal_lambda.testing.plugin import DeployFunction, InvokeHandler
    from temporal_lambda.testing.report import Report
else:
    # pytest loads the plugin in every session; a name is loaded when a test uses it.
    __getattr__ = lazy_face(
        __name__,
        {
            "Answered": "temporal_lambda.testing.deployed_function",
            "BackgroundStack": "temporal_lambda.testing.background_stack",
            "DeployFunction": "temporal_lambda.testing.plugin",
            "DeployedFunction": "temporal_lambda.testing.deployed_function",
            "Faults": "temporal_lambda.testing.faults",
            "HandlerRun": "temporal_lambda.testing.direct",
            "InvokeHandler": "temporal_lambda.testing.plugin",
            "Report": "temporal_lambda.testing.report",
            "invoke_handler": "temporal_lambda.testing.direct",
        },
    )

__all__ = [
    "Answered",
    "BackgroundStack",
    "DeployFunction",
    "DeployedFunction",
    "Faults",
    "HandlerRun",
    "InvokeHandler",
    "Report",
    "invoke_handler",
]
