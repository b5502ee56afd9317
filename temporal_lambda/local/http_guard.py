"""Which HTTP requests the local servers answer: only those of programs on this machine.

A web page in a developer's browser can send requests to 127.0.0.1, too. Browsers mark them with
``Origin`` or ``Sec-Fetch-*`` headers, which no SDK sends; and a page whose own host name has been
pointed at 127.0.0.1 (DNS rebinding) sends that name as ``Host``.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable, Callable, Iterable

from aiohttp import web
from aiohttp.typedefs import Middleware

BROWSER_HEADERS = ("origin", "sec-fetch-")
"""Prefixes of the headers that only browsers send (Fetch Standard, Fetch Metadata)."""


def local_clients_only(refuse: Callable[[str], web.Response]) -> Middleware:
    """Create a middleware that refuses the requests of web pages.

    Args:
        refuse: Creates the response to a refused request from the reason.
    """

    @web.middleware
    async def middleware(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        reason = refusal(request.headers, request.headers.getall("Host", []))
        return refuse(reason) if reason else await handler(request)

    return middleware


def refusal(headers: Iterable[str], hosts: Iterable[str]) -> str | None:
    """Why a request is not answered.

    Args:
        headers: The names of its headers.
        hosts: The values of its ``Host`` headers.

    Returns:
        The reason, or ``None`` if the request may be answered.

    Example:
        >>> refusal([], ["127.0.0.1:9001"])
        >>> refusal([], ["rebound.example"])
        "the Host header 'rebound.example' does not name this machine"
        >>> refusal(["Origin"], ["127.0.0.1"])
        'web pages may not call this server (the request has the header Origin)'
    """
    for name in headers:
        if name.lower().startswith(BROWSER_HEADERS):
            return f"web pages may not call this server (the request has the header {name})"
    named = list(hosts)
    if not named:
        return "the request has no Host header"
    for host in named:
        if not is_loopback(host):
            return f"the Host header {host[:100]!r} does not name this machine"
    return None


def is_loopback(host: str) -> bool:
    """Whether a ``Host`` header names this machine's loopback interface.

    Args:
        host: The header's value, with or without a port.

    Returns:
        True for ``localhost`` and for loopback addresses of either IP version.

    Example:
        >>> [is_loopback(host) for host in ("localhost:80", "[::1]:80", "127.0.0.1", "10.0.0.1")]
        [True, True, True, False]
    """
    name, colon, port = host.rpartition(":")
    if not colon or host.endswith("]"):
        name, port = host, "0"
    if not (port.isascii() and port.isdigit()):
        return False
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.removeprefix("[").removesuffix("]")).is_loopback
    except ValueError:
        return False
