"""Which program runs a function's handler."""

from __future__ import annotations

from importlib.util import find_spec

NATIVE_CLIENT = "runtime_client"
"""The extension module of ``awslambdaric``; AWS builds it for Linux alone."""


def runtime_module() -> str:
    """The module that ``python -m`` runs with a handler.

    Returns:
        ``awslambdaric``, AWS's own; where it has no native client, ours that brings one and then
        runs it.
    """
    return "awslambdaric" if find_spec(NATIVE_CLIENT) else "temporal_lambda.runtime_client"
