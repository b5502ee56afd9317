"""Which files go into the zip, and which are left out and why."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from temporal_lambda.deploy.errors import PackageError

CACHES = {"__pycache__", "node_modules"}
TEST_FILE = re.compile(r"(?:test_.*|.*_test|conftest)\.py")
KEPT_METADATA = re.compile(
    r"(?:METADATA|entry_points\.txt|top_level\.txt|licenses/.*|"
    r"(?:LICEN[CS]E|COPYING|NOTICE|AUTHORS)[^/]*)",
    re.IGNORECASE,
)
TOOLS = re.compile(r"(?:temporal_lambda/(?:deploy|local)|share/doc/temporal-lambda)/.*")
"""Parts of this package for a developer's machine and CI, its pages and its examples."""

PROJECT_FILES = re.compile(r"uv\.lock|pyproject\.toml|requirements[^/]*\.txt|[^/]*\.zip(?:\.json)?")


@dataclass
class Tally:
    """What was left out for one reason.

    Attributes:
        files: How many files.
        bytes: Their size.
    """

    files: int = 0
    bytes: int = 0


@dataclass
class Contents:
    """The files of a zip.

    Args:
        include: Globs of paths in the zip that are taken whatever the rules say; ``*`` matches
            ``/`` too.
        exclude: Globs of paths in the zip that are left out; they win over ``include``.

    Attributes:
        files: The file for each path in the zip.
        own: The paths that come from the project itself.
        dropped: What was left out, by reason.
        warnings: What the user should know.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()
    files: dict[str, Path] = field(default_factory=dict)
    own: set[str] = field(default_factory=set)
    dropped: dict[str, Tally] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def add_dependencies(self, root: Path) -> None:
        """Take what uv has installed into a directory."""
        rust = {path.parent for path in root.rglob("Cargo.toml") if _is_foreign(path.parent)}
        tests = {
            path
            for path in root.rglob("tests")
            if path.is_dir() and any(TEST_FILE.fullmatch(name) for name in os.listdir(path))
        }
        for path in _walk(root):
            reason: str | None
            name = path.relative_to(root).as_posix()
            parents = set(path.parents)
            if rust & parents or path.suffix == ".rs" or path.name in ("Cargo.toml", "Cargo.lock"):
                reason = "Rust sources"
            elif tests & parents:
                reason = "tests"
            else:
                reason = _reason_in_dependency(PurePosixPath(name))
            self._add(name, path, reason)

    def add_project(self, root: Path) -> None:
        """Take the project's own files.

        Raises:
            PackageError: A symbolic link leads out of the project, or to a directory.
        """
        for path in _walk(root, skip=_is_skipped_directory):
            name = path.relative_to(root).as_posix()
            reason = _reason_in_project(PurePosixPath(name))
            if path.is_symlink() and not reason:
                self._check_link(name, path, root)
            if self._add(name, path, reason):
                self.own.add(name)

    def add_file(self, name: str, path: Path) -> None:
        """Take one of the project's own files from elsewhere."""
        if self._add(name, path, None):
            self.own.add(name)

    def _add(self, name: str, path: Path, reason: str | None) -> bool:
        if _matches(name, self.exclude):
            reason = "excluded"
        elif reason and _matches(name, self.include):
            reason = None
        if reason:
            tally = self.dropped.setdefault(reason, Tally())
            tally.files += 1
            tally.bytes += path.lstat().st_size
            return False
        if name in self.files:
            self.warnings.append(f"{name} of the project hides the one of a dependency")
        self.files[name] = path
        return True

    def _check_link(self, name: str, path: Path, root: Path) -> None:
        if _matches(name, self.exclude):
            return
        real = path.resolve()
        if not real.is_file() or root.resolve() not in real.parents:
            raise PackageError(
                f"{name} is a symbolic link to {os.readlink(path)}, which is no file of the "
                "project: copy what it stands for, or leave it out with --exclude"
            )


def _walk(root: Path, skip: re.Pattern[str] | object = None) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        here = Path(folder)
        links = [name for name in folders if (here / name).is_symlink()]
        folders[:] = sorted(
            name
            for name in folders
            if name not in links and not (callable(skip) and skip(here / name, root))
        )
        for name in sorted([*files, *links]):
            yield here / name


def _is_skipped_directory(path: Path, root: Path) -> bool:
    """Directories that are no part of a program, and may be huge."""
    return (
        path.name.startswith(".")
        or path.name in CACHES
        or path.name.endswith(".egg-info")
        or (path / "pyvenv.cfg").is_file()
        or (path.parent == root and path.name in ("build", "dist"))
    )


def _is_foreign(directory: Path) -> bool:
    """Whether nothing in a directory can be imported."""
    return not any(path.suffix in (".py", ".so") for path in directory.rglob("*"))


def _reason_in_dependency(name: PurePosixPath) -> str | None:
    top = name.parts[0]
    if top in (".lock", "bin"):
        return "installer's files"
    if top.endswith(".dist-info"):
        inner = name.relative_to(top).as_posix()
        return None if KEPT_METADATA.fullmatch(inner) else "installer's files"
    if top.endswith("-stubs"):
        return "stubs"
    if TOOLS.fullmatch(name.as_posix()):
        return "development tools"
    return _reason_anywhere(name)


def _reason_in_project(name: PurePosixPath) -> str | None:
    if any(part.startswith(".") for part in name.parts):
        return "hidden files"
    if TEST_FILE.fullmatch(name.name):
        return "tests"
    if len(name.parts) == 1 and PROJECT_FILES.fullmatch(name.name):
        return "project files"
    return _reason_anywhere(name)


def _reason_anywhere(name: PurePosixPath) -> str | None:
    if name.suffix in (".pyi", ".pyc") or name.name == "py.typed" or CACHES & set(name.parts):
        return "caches" if name.suffix == ".pyc" or CACHES & set(name.parts) else "stubs"
    return None


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
