"""Writes a directory as a zip, the same bytes for the same files."""

from __future__ import annotations

import base64
import hashlib
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip can hold."""


@dataclass(frozen=True)
class Archive:
    """A zip as it was written.

    Attributes:
        size: Bytes.
        unpacked: Bytes of its files.
        files: How many.
        code_sha256: Base64, as Lambda says it of a function's code.
        content_sha256: Hex digest of the names, modes and contents, whatever the compression;
            another zlib may write other bytes for the same files.
        zipped: Compressed bytes by path.
    """

    size: int
    unpacked: int
    files: int
    code_sha256: str
    content_sha256: str
    zipped: dict[str, int]


def write(root: Path, path: Path) -> Archive:
    """Write every file below a directory: sorted, without times, readable for all.

    Args:
        root: The directory.
        path: The zip; replaced once it is complete.
    """
    content = hashlib.sha256()
    zipped: dict[str, int] = {}
    unpacked = 0
    unfinished = path.with_name(path.name + ".part")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            for file in sorted(root.rglob("*")):
                if not file.is_file():
                    continue
                name, data, mode = file.relative_to(root).as_posix(), file.read_bytes(), _mode(file)
                info = zipfile.ZipInfo(name, EPOCH)
                info.create_system = 3  # Unix, wherever it is made, so that the mode counts.
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = (stat.S_IFREG | mode) << 16
                archive.writestr(info, data, compresslevel=6)
                digest = hashlib.sha256(data).hexdigest()
                content.update(f"{name}\0{mode:o}\0{digest}\n".encode())
                zipped[name] = info.compress_size
                unpacked += len(data)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return Archive(
        size=path.stat().st_size,
        unpacked=unpacked,
        files=len(zipped),
        code_sha256=code_sha256(path),
        content_sha256=content.hexdigest(),
        zipped=zipped,
    )


def code_sha256(path: Path) -> str:
    """A zip's SHA-256 as Lambda says it: in base64."""
    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return base64.b64encode(digest.digest()).decode()


def _mode(file: Path) -> int:
    executable = file.suffix == ".so" or file.stat().st_mode & stat.S_IXUSR
    return 0o755 if executable else 0o644
