"""Credentials: cleaned of what copying adds to them, and hidden from whoever prints them."""

from __future__ import annotations

from collections.abc import MutableMapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from temporal_lambda.errors import SettingsError


class HiddenText(str):
    """Text whose ``repr`` does not show it: in a printed mapping, or a traceback with variables.

    Example:
        >>> {"api_key": HiddenText("secret")}
        {'api_key': '***'}
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


class HiddenBytes(bytes):
    """Bytes whose ``repr`` does not show them.

    Example:
        >>> HiddenBytes(b"secret")
        b'***'
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "b'***'"


def hide_credentials(connect: MutableMapping[str, Any], place: str) -> None:
    """Clean and hide the credentials among arguments for ``Client.connect``.

    White space around an API key or a header, as the end of a file's line, is taken off.

    Args:
        connect: The arguments; changed in place.
        place: Where they are from, for the error message.

    Raises:
        SettingsError: A credential holds a line break or another control character, so that it can
            be no header; the message does not show it.

    Example:
        >>> connect = {"api_key": "secret\\n"}
        >>> hide_credentials(connect, "the environment")
        >>> connect, connect["api_key"] == "secret"
        ({'api_key': '***'}, True)
    """
    if connect.get("api_key"):
        connect["api_key"] = _clean(connect["api_key"], f"api_key in {place}")
    if isinstance(headers := connect.get("rpc_metadata"), dict):
        connect["rpc_metadata"] = {
            name: _clean(value, f"the header {name!r} in {place}")
            for name, value in headers.items()
        }
    tls = connect.get("tls")
    if is_dataclass(tls) and not isinstance(tls, type):
        keys = {
            field.name: HiddenBytes(value)
            for field in fields(tls)
            if "private" in field.name and isinstance(value := getattr(tls, field.name), bytes)
        }
        connect["tls"] = replace(tls, **keys)


def _clean(value: Any, what: str) -> Any:
    if isinstance(value, bytes):
        return HiddenBytes(value)
    if not isinstance(value, str):
        return value
    text = value.strip()
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise SettingsError(
            f"{what} holds a line break or another control character, so it can be no credential: "
            "was it copied with something else, or only a part of it?"
        )
    return HiddenText(text)
