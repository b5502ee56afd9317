"""What a zip is, beside the zip: for the deploy command, for CI, and for whoever looks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from temporal_lambda.deploy.errors import PackageError

LARGEST = 10
"""Parts that are listed."""


@dataclass(frozen=True)
class Report:
    """A packaged function.

    Attributes:
        zip: Name of the zip, which lies beside the report.
        handler: ``module.attribute``.
        python: Version, e.g. ``3.13``.
        arch: ``x86_64`` or ``arm64``.
        code_sha256: Of the zip, in base64, as Lambda says it.
        content_sha256: Of the files, in hex, whatever the compression.
        zipped_bytes: Size of the zip.
        unpacked_bytes: Size of its files.
        files: How many there are.
        bytecode: How many have bytecode, by which Python, or why none has.
        deployment_name: The worker deployment; ``None`` if unknown.
        build_id: The build; ``None`` if unknown.
        version_unknown_because: Why it is unknown.
        requirements: Name of the file that says what is needed.
        packages: What is in it, by name, with versions.
        own: The project's own files, by their paths in the zip.
        largest: The largest parts: name, unpacked and zipped bytes.
        dropped: What was left out, by reason: files and bytes.
        warnings: What the user should know.
    """

    zip: str
    handler: str
    python: str
    arch: str
    code_sha256: str
    content_sha256: str
    zipped_bytes: int
    unpacked_bytes: int
    files: int
    bytecode: dict[str, Any]
    deployment_name: str | None
    build_id: str | None
    version_unknown_because: str | None
    requirements: str
    packages: dict[str, str]
    own: Sequence[str]
    largest: Sequence[dict[str, Any]]
    dropped: dict[str, dict[str, int]]
    warnings: Sequence[str] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2, sort_keys=True) + "\n")


def report_path(archive: Path) -> Path:
    """Where the report of a zip lies.

    Example:
        >>> report_path(Path("build/function.zip")).name
        'function.zip.json'
    """
    return archive.with_name(archive.name + ".json")


def read(archive: Path) -> Report:
    """The report beside a zip.

    Raises:
        PackageError: There is none, or it is none of ours.
    """
    path = report_path(archive)
    try:
        return Report(**json.loads(path.read_text()))
    except FileNotFoundError:
        raise PackageError(
            f"{path} is missing, which says what {archive.name} is: make both with "
            "'temporal-lambda package', and keep them together"
        ) from None
    except (ValueError, TypeError) as error:
        raise PackageError(
            f"{path} is not a report of 'temporal-lambda package': {error}"
        ) from None


def largest(root: Path, zipped: dict[str, int]) -> list[dict[str, Any]]:
    """The largest parts: top-level packages, modules and files, bytecode with its source."""
    unpacked: Counter[str] = Counter()
    packed: Counter[str] = Counter()
    for name, size in zipped.items():
        top, _, inner = name.partition("/")
        part = inner.partition(".")[0] + ".py" if top == "__pycache__" else top
        unpacked[part] += (root / name).stat().st_size
        packed[part] += size
    return [
        {"name": name, "unpacked_bytes": size, "zipped_bytes": packed[name]}
        for name, size in unpacked.most_common(LARGEST)
    ]


def packages(dependencies: Path) -> dict[str, str]:
    """Versions by name, of what uv has installed into a directory."""
    found = sorted(path.stem.rpartition("-") for path in dependencies.glob("*.dist-info"))
    return {name: number for name, _, number in found}
