"""The code to look at: a zip of ``package``, or a directory, and what its handler says."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temporal_lambda.deploy.errors import PackageError
from temporal_lambda.deploy.packaging import archive, bytecode, refusals, version
from temporal_lambda.deploy.packaging.report import Report, read
from temporal_lambda.deploy.packaging.target import Target


@dataclass(frozen=True)
class LocalCode:
    """Code on this machine.

    Attributes:
        name: What the user calls it.
        described: What ``temporal_lambda.describe_handler`` says of its handler.
        report: Of a zip; ``None`` for a directory.
        is_as_reported: Whether the zip is the one that its report is about.
        secrets: Credentials in a zip: file, line and kind.
    """

    name: str
    described: dict[str, Any]
    report: Report | None = None
    is_as_reported: bool = True
    secrets: tuple[str, ...] = ()

    @property
    def deployment(self) -> str | None:
        """Name of its deployment, if it is known."""
        name = self.described.get("deployment_name")
        return name or (self.report.deployment_name if self.report else None)

    @property
    def build_id(self) -> str | None:
        """Its build id, if it is known."""
        build = self.described.get("build_id")
        return build or (self.report.build_id if self.report else None)


def is_local(target: str) -> bool:
    """Whether a target is code: a zip, or a directory that is written as one.

    Example:
        >>> is_local("function.zip"), is_local("."), is_local("greeting")
        (True, True, False)
    """
    return target.endswith(".zip") or target == "." or ("/" in target and Path(target).is_dir())


def look_at(target: str, handler: str) -> LocalCode:
    """Look at a zip or a directory.

    Args:
        target: Its path.
        handler: The handler of a directory; a zip's report names its own.

    Raises:
        PackageError: There is no such zip, no report of it, or no such handler.
    """
    path = Path(target)
    if path.is_dir():
        refusals.find_handler(path, handler)
        return LocalCode(target, version.describe(handler, path.resolve(), configuration=True))
    report = read(path)
    with _unpacked(path) as place:
        described = _describe(report, place)
        found = tuple(refusals.secrets(place, set(report.own)))
    return LocalCode(
        target, described, report, archive.code_sha256(path) == report.code_sha256, found
    )


def _describe(report: Report, place: Path) -> dict[str, Any]:
    target = Target(report.python, report.arch)
    interpreter = bytecode.find_interpreter(target, None) if target.runs_here else None
    if interpreter:
        return version.describe(report.handler, place, interpreter.path, configuration=True)
    return version.describe(report.handler, place, configuration=True, foreign=True)


@contextmanager
def _unpacked(path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="temporal-lambda-") as scratch:
        place = Path(scratch) / "task"
        try:
            with zipfile.ZipFile(path) as zipped:
                zipped.extractall(place)
        except (OSError, zipfile.BadZipFile) as error:
            raise PackageError(f"{path} can't be unpacked: {error}") from None
        yield place
