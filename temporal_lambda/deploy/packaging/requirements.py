"""What a project depends on, installed by uv for the target without running any of it."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from temporal_lambda.deploy.errors import PackageError
from temporal_lambda.deploy.packaging.target import Target

UV_TIMEOUT = 600.0
"""Seconds for one run of uv; it may have to download some hundred megabytes."""

LOCAL_PROJECT = re.compile(r"^(?:-e |--editable )?(\.{1,2}/[^\s;]*|file://[^\s;]+)", re.MULTILINE)
"""A line of ``uv export`` that names a directory."""

BINARY_ONLY = ("--only-binary", ":all:")


@dataclass(frozen=True)
class Requirements:
    """Where a project says what it needs.

    Args:
        project: Its directory.
        file: A requirements file to use instead of what is found in the directory.
        extras: Extras of the project; only with ``uv.lock`` or ``pyproject.toml``.
        groups: Dependency groups; only with ``uv.lock`` or ``pyproject.toml``.
    """

    project: Path
    file: Path | None = None
    extras: Sequence[str] = ()
    groups: Sequence[str] = ()

    @property
    def source(self) -> Path:
        """The file that counts: the one given, ``uv.lock``, ``pyproject.toml``, or
        ``requirements.txt``.

        Raises:
            PackageError: There is none.
        """
        if self.file:
            if not self.file.is_file():
                raise PackageError(f"{self.file} is not a file")
            return self.file
        for name in ("uv.lock", "pyproject.toml", "requirements.txt"):
            if (self.project / name).is_file():
                return self.project / name
        raise PackageError(
            f"{self.project} says nowhere what the function needs: add a uv.lock, a "
            "pyproject.toml or a requirements.txt, or name a file with --requirements"
        )

    def install(self, directory: Path, target: Target, scratch: Path) -> None:
        """Install what is needed, as wheels for the target.

        Args:
            directory: Where to; it is created.
            target: What for.
            scratch: For files in between.

        Raises:
            PackageError: There is no wheel of something, or uv fails otherwise.
        """
        source = self.source
        if (self.extras or self.groups) and source.name not in ("uv.lock", "pyproject.toml"):
            raise PackageError(
                f"--extra and --group choose among what a uv.lock or a pyproject.toml offers; "
                f"{source} is a list of requirements: name another file with --requirements"
            )
        if source.name == "uv.lock":
            arguments = ["--requirements", str(self._export(target, scratch))]
        else:
            arguments = ["--requirements", str(source)]
            arguments += [part for extra in self.extras for part in ("--extra", extra)]
            arguments += [
                part for group in self.groups for part in ("--group", f"{source}:{group}")
            ]
        uv(
            *("pip", "install", "--quiet", "--no-compile-bytecode", *BINARY_ONLY),
            *("--python", sys.executable, "--target", str(directory)),
            *("--python-version", target.python, "--python-platform", target.platform),
            *arguments,
            directory=self.project,
            target=target,
        )

    def _export(self, target: Target, scratch: Path) -> Path:
        exported = scratch / "requirements.txt"
        uv(
            *("export", "--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-editable"),
            *(part for extra in self.extras for part in ("--extra", extra)),
            *(part for group in self.groups for part in ("--group", group)),
            *("--output-file", str(exported)),
            directory=self.project,
            target=target,
        )
        text = exported.read_text()
        exported.write_text(LOCAL_PROJECT.sub(lambda m: self._build(m[1], target, scratch), text))
        return exported

    def _build(self, place: str, target: Target, scratch: Path) -> str:
        """Make a wheel of another project of the workspace; nothing else is built from source."""
        path = Path(place.removeprefix("file://"))
        path = path if path.is_absolute() else self.project / path
        wheels = scratch / f"wheel-{len(list(scratch.iterdir()))}"
        uv(
            *("build", "--quiet", "--wheel", "--out-dir", str(wheels), str(path)),
            directory=self.project,
            target=target,
        )
        return str(next(wheels.glob("*.whl")))


def uv(*arguments: str, directory: Path, target: Target) -> str:
    """Run uv.

    Args:
        arguments: Its arguments.
        directory: Where to run it.
        target: What for, to name in an error.

    Returns:
        What it printed.

    Raises:
        PackageError: It failed; with uv's own words, and a remedy where one is known.
    """
    try:
        done = subprocess.run(
            [find_uv_bin(), *arguments],
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=UV_TIMEOUT,
        )
    except FileNotFoundError as error:
        raise PackageError(
            f"uv is not there ({error}): install this package with its extra deploy, or uv"
        ) from None
    except subprocess.TimeoutExpired:
        raise PackageError(f"uv {arguments[0]} took longer than {UV_TIMEOUT:.0f} s") from None
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.strip()
    if "usable wheels" in said or "matching platform tag" in said or "--no-build" in said:
        raise PackageError(
            f"something has no wheel for {target.runtime} on {target.arch}, and nothing is built "
            f"from source for a machine that is not this one:\n{said}\n"
            "Choose a version that has one, leave it to a Lambda layer, or build a wheel and put "
            "its directory into UV_FIND_LINKS"
        )
    raise PackageError(f"uv {' '.join(arguments[:2])} failed:\n{said}")
