"""AWS's own OTLP endpoints: which they are, and the signature they ask for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import requests

ENDPOINT = re.compile(
    r"https://(?P<service>xray|monitoring|logs)\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?(:443)?/"
)
"""AWS: "OTLP endpoints" in the CloudWatch user guide."""

SIGNED = ("content-type", "x-aws-log-group", "x-aws-log-stream")
"""Headers that the signature covers, besides those that it brings."""


class Service(NamedTuple):
    """A service of AWS that takes OTLP.

    Attributes:
        name: ``xray``, ``monitoring`` or ``logs``.
        region: Its region.
    """

    name: str
    region: str


def service_of(endpoint: str) -> Service | None:
    """The service behind an endpoint; ``None`` if it is not one of AWS's.

    Example:
        >>> service_of("https://xray.eu-west-1.amazonaws.com/v1/traces")
        Service(name='xray', region='eu-west-1')
        >>> service_of("https://xray.eu-west-1.amazonaws.com.example.org/v1/traces") is None
        True
    """
    found = ENDPOINT.match(endpoint)
    return Service(found["service"], found["region"]) if found else None


def signing_session(service: Service) -> requests.Session:
    """A session that signs its requests with the function's credentials.

    Raises:
        ImportError: botocore is not installed.
    """
    import botocore.session
    import requests
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest

    credentials = botocore.session.get_session().get_credentials()

    def sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
        if credentials is None:
            raise requests.RequestException("there are no AWS credentials to sign with")
        headers = {name: request.headers[name] for name in SIGNED if name in request.headers}
        signed = AWSRequest(request.method, request.url, headers, request.body)
        SigV4Auth(credentials, service.name, service.region).add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        return request

    session = requests.Session()
    session.auth = sign
    return session
