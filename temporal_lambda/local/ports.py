"""Ports of 127.0.0.1."""

from __future__ import annotations

import socket

from temporal_lambda.local.errors import LocalStackError


def free_port() -> int:
    """A port of 127.0.0.1 that is free at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def require_free(port: int) -> None:
    """Raise if a port of 127.0.0.1 is in use.

    Raises:
        LocalStackError: The port is in use.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise LocalStackError(
                f"port {port} can't be used: {error.strerror}. Free it, or choose another one"
            ) from None
