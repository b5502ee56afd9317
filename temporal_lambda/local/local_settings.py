"""What takes the place of a production server's settings, where functions run on this machine."""

from __future__ import annotations

import dataclasses

from temporal_lambda.local.function import Function
from temporal_lambda.settings.table import SETTINGS, variable

LOCAL = {
    "TEMPORAL_TLS": "false",
    **{variable(name): "none" for name in SETTINGS if name.endswith("_secret")},
}
"""Variables that keep certificates and secrets of a ``temporal.toml`` from being looked for: a
server that was started here asks for none."""


def on_this_machine(function: Function) -> Function:
    """A function whose settings for production do not get in the way.

    Args:
        function: The function; what its own environment says is kept.
    """
    return dataclasses.replace(function, environment={**LOCAL, **function.environment})
