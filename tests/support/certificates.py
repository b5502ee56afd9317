"""Throw-away certificates, for TLS on loopback."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme


class Certificates:
    """An authority of our own, a server's certificate and a client's.

    Args:
        directory: Where the files go that clients need.

    Attributes:
        server_ca: PEM file of the authority.
        client_cert: PEM file of the client's certificate.
        client_key: PEM file of its key.
    """

    def __init__(self, directory: Path) -> None:
        self._authority = trustme.CA()
        self._server = self._authority.issue_cert("localhost", "127.0.0.1")
        client = self._authority.issue_cert("worker@example.com")
        self.server_ca = directory / "ca.pem"
        self.client_cert = directory / "client.pem"
        self.client_key = directory / "client.key"
        self._authority.cert_pem.write_to_path(self.server_ca)
        client.cert_chain_pems[0].write_to_path(self.client_cert)
        client.private_key_pem.write_to_path(self.client_key)

    def server(self, *, wants_client_certificate: bool = False) -> ssl.SSLContext:
        """What a TLS server needs; it speaks HTTP/2, as gRPC does."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["h2"])
        self._server.configure_cert(context)
        if wants_client_certificate:
            self._authority.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context

    def settings(self, *, client: bool = False) -> dict[str, str]:
        """Temporal's environment variables for a client of such a server."""
        variables = {
            "TEMPORAL_TLS": "true",
            "TEMPORAL_TLS_SERVER_CA_CERT_PATH": str(self.server_ca),
            "TEMPORAL_TLS_SERVER_NAME": "localhost",
        }
        if client:
            variables["TEMPORAL_TLS_CLIENT_CERT_PATH"] = str(self.client_cert)
            variables["TEMPORAL_TLS_CLIENT_KEY_PATH"] = str(self.client_key)
        return variables
