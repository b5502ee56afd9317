"""What must not be in a zip, or must be: looked at before it is written."""

from __future__ import annotations

import ast
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from temporal_lambda.deploy.errors import PackageError
from temporal_lambda.deploy.packaging.target import Target

UNPACKED_LIMIT = 262_144_000
"""Bytes a zip may have unpacked, with layers (AWS quota: 250 MB)."""

DIRECT_LIMIT = 52_428_800
"""Bytes a zip may have if it is not uploaded by way of S3 (AWS quota: 50 MB)."""

MACHINES = {0x3E: "x86_64", 0xB7: "arm64", 0x28: "32-bit ARM", 0x03: "32-bit x86"}
"""``e_machine`` of an ELF file."""

NOT_LINUX = {
    b"\xcf\xfa\xed\xfe": "macOS",
    b"\xce\xfa\xed\xfe": "macOS",
    b"\xca\xfe\xba\xbe": "macOS",
    b"MZ": "Windows",
}
"""How a library of another system begins."""

EXTENSION = re.compile(r"\.cpython-(\d)(\d+)-[^.]*\.so$")

PRIVATE_KEY = re.compile(
    rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----(?:\s|\\[nr]|[A-Za-z-]+: [^\n]*\n)*"
    rb"[A-Za-z0-9+/=]{40}"
)
JSON_WEB_TOKEN = re.compile(rb"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}")
AWS_ACCESS_KEY = re.compile(rb"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b(?<!EXAMPLE)")
KEY_STORES = (".p12", ".pfx", ".jks")


def foreign_binaries(root: Path, target: Target) -> Iterator[str]:
    """Libraries below a directory that the target can't load, each with why."""
    for path in root.rglob("*"):
        if not path.is_file():
            continue
        with path.open("rb") as file:
            head = file.read(20)
        name = path.relative_to(root)
        if head.startswith(b"\x7fELF") and len(head) == 20:
            order = ">" if head[5] == 2 else "<"
            (number,) = struct.unpack(order + "H", head[18:20])
            machine = MACHINES.get(number, f"machine {number}")
            if machine != target.arch:
                yield f"{name} is for {machine}"
                continue
        elif path.suffix in (".so", ".dylib", ".pyd", ".dll"):
            for magic, system in NOT_LINUX.items():
                if head.startswith(magic):
                    yield f"{name} is for {system}"
        made_for = EXTENSION.search(path.name)
        if made_for and f"{made_for[1]}.{made_for[2]}" != target.python:
            yield f"{name} is for Python {made_for[1]}.{made_for[2]}"


def secrets(root: Path, own: set[str]) -> Iterator[str]:
    """Credentials below a directory: the file, the line and the kind, never the value.

    Args:
        root: What becomes the zip.
        own: Paths of the project's own files. In those of dependencies, only private keys count.
    """
    for path in sorted(root.rglob("*")):
        if not path.is_file() or path.suffix in (".pyc", ".so"):
            continue
        name = path.relative_to(root).as_posix()
        if path.suffix in KEY_STORES:
            yield f"{name} (a key store)"
            continue
        data = path.read_bytes()
        patterns = {"a private key": PRIVATE_KEY}
        if name in own:
            patterns |= {"an API key": JSON_WEB_TOKEN, "an AWS access key": AWS_ACCESS_KEY}
        for kind, pattern in patterns.items():
            if found := pattern.search(data):
                yield f"{name}, line {data[: found.start()].count(10) + 1} ({kind})"
        if name in own and path.suffix == ".toml":
            yield from (f"{name}, {place} (a credential)" for place in _in_profiles(data))


def _in_profiles(data: bytes) -> Iterator[str]:
    """Settings of a temporal.toml's connection profiles that are credentials."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return
    profiles = document.get("profile")
    for name, profile in _tables(profiles):
        if profile.get("api_key"):
            yield f"[profile.{name}] api_key"
        for key, _ in _tables({"tls": profile.get("tls")}):
            if profile[key].get("client_key_data"):
                yield f"[profile.{name}.tls] client_key_data"
        headers = profile.get("grpc_meta")
        if isinstance(headers, dict) and any(key.lower() == "authorization" for key in headers):
            yield f"[profile.{name}.grpc_meta] authorization"


def _tables(value: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(value, dict):
        yield from ((name, table) for name, table in value.items() if isinstance(table, dict))


def find_handler(root: Path, handler: str) -> Path:
    """The file of a handler, which must define it.

    Args:
        root: A directory of code.
        handler: ``module.attribute``, as in Lambda's own setting.

    Raises:
        PackageError: There is no such module, or nothing of that name in it.
    """
    module, dot, attribute = handler.replace("/", ".").rpartition(".")
    if not dot or not all(part.isidentifier() for part in [attribute, *module.split(".")]):
        raise PackageError(f"handler {handler!r} must be module.attribute, as in Lambda's setting")
    place = root / module.replace(".", "/")
    candidates = (place.with_suffix(".py"), place / "__init__.py")
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        raise PackageError(
            f"handler {handler!r} isn't in the zip: there is no {module.replace('.', '/')}.py"
        )
    try:
        tree = ast.parse(found.read_bytes())
    except SyntaxError as error:
        raise PackageError(f"{found.relative_to(root)}, line {error.lineno}: {error.msg}") from None
    names = set(_bound(tree))
    if attribute not in names and not names & {"*", "__getattr__"}:
        raise PackageError(
            f"handler {handler!r} isn't in the zip: {found.relative_to(root)} has no {attribute!r}"
        )
    return found


def _bound(node: ast.AST) -> Iterator[str]:
    """Names that a module binds: what functions and classes bind inside is theirs."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield child.name
            continue
        if isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
            yield child.id
        elif isinstance(child, ast.alias):
            yield child.asname or child.name.partition(".")[0]
        yield from _bound(child)
