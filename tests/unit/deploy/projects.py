"""Projects to package, and wheels for them to need; nothing is downloaded."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from temporal_lambda.deploy.packaging.build import Options, package
from temporal_lambda.deploy.packaging.report import Report
from temporal_lambda.deploy.packaging.requirements import Requirements
from temporal_lambda.deploy.packaging.target import Target
from temporal_lambda.deploy.packaging.version import Version

HANDLER = "def lambda_handler(event, context):\n    return 1\n"

PEM = "-----BEGIN PRIVATE KEY-----\n" + "MIIEvQIBADANBgkqhkiG9w0BAQEF" * 4 + "\n-----END"

TOKEN = "eyJhbGciOiJFUzI1NiJ9.eyJhY2NvdW50X2lkIjoiYWJjIn0." + "c2lnbmF0dXJl" * 3

AWS_KEY = "AKIA" + "QWERTYUIOPASDFGH"


def elf(machine: int) -> bytes:
    """The head of a Linux library."""
    return b"\x7fELF\x02\x01\x01" + b"\0" * 9 + b"\x03\0" + machine.to_bytes(2, "little")


def write(root: Path, files: Mapping[str, str | bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def wheel(
    directory: Path, name: str, files: Mapping[str, str | bytes], tag: str = "py3-none-any"
) -> Path:
    """Make a wheel."""
    info = f"{name}-1.0.dist-info"
    everything = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{info}/licenses/LICENSE": "free",
    }
    record = []
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}-1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for inner, content in everything.items():
            data = content if isinstance(content, bytes) else content.encode()
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            record.append(f"{inner},sha256={digest},{len(data)}\n")
            archive.writestr(inner, data)
        archive.writestr(f"{info}/RECORD", "".join(record) + f"{info}/RECORD,,\n")
    return path


class Project:
    """A directory that is packaged, and the wheels beside it.

    Args:
        root: An empty directory.
    """

    def __init__(self, root: Path) -> None:
        self.path = root / "project"
        self.wheels = root / "wheels"
        self.zip = root / "function.zip"
        self.wheels.mkdir()
        self.write({"handler.py": HANDLER, "requirements.txt": ""})

    def write(self, files: Mapping[str, str | bytes]) -> None:
        write(self.path, files)

    def need(self, name: str, files: Mapping[str, str | bytes], tag: str = "py3-none-any") -> None:
        """Depend on a package with these files."""
        wheel(self.wheels, name, files, tag)
        with (self.path / "requirements.txt").open("a") as file:
            file.write(f"{name}\n")

    def options(
        self,
        python: str = "3.11",
        arch: str = "x86_64",
        handler: str = "handler.lambda_handler",
        extras: Sequence[str] = (),
        **options: object,
    ) -> Options:
        # To import a handler, and to compile, takes a process each.
        options = {"bytecode": "off", "version": Version("greeting", "1.0"), **options}
        requirements = Requirements(self.path, extras=extras)
        return Options(handler, Target(python, arch), requirements, **options)  # type: ignore[arg-type]

    def package(self, **options: object) -> Report:
        return package(self.options(**options), self.zip)  # type: ignore[arg-type]

    def names(self) -> set[str]:
        """What is in the zip."""
        with zipfile.ZipFile(self.zip) as archive:
            return set(archive.namelist())
