"""Bytecode in the zip, so that no cold start has to compile.

Lambda's code directory is read-only, so what is not compiled in the zip is compiled anew by each
execution environment. Bytecode that is checked against its source's time of modification is worth
nothing in a zip, which has none. Unchecked bytecode is used whatever the times are (PEP 552).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from uv import find_uv_bin

from temporal_lambda.deploy.errors import PackageError
from temporal_lambda.deploy.packaging.target import Target

Mode = Literal["auto", "require", "off"]
"""Whether bytecode is compiled: where an interpreter is there, always, or never."""

TASK_ROOT = "/var/task"
"""Where Lambda unpacks a zip; tracebacks name it."""

COMPILE_TIMEOUT = 300.0
PROBE_TIMEOUT = 20.0

COMPILE = f"""
import compileall, sys
root = sys.argv[1]
compileall.compile_dir(
    root, maxlevels=50, quiet=2, stripdir=root, prependdir={TASK_ROOT!r},
    invalidation_mode=compileall.py_compile.PycInvalidationMode.UNCHECKED_HASH,
)
"""

PROBE = "import platform, sys; print(platform.python_implementation(), *sys.version_info[:3])"


@dataclass(frozen=True)
class Interpreter:
    """A Python of the target's version.

    Attributes:
        path: The executable.
        version: Its full version, e.g. ``3.13.0``.
    """

    path: str
    version: str


@dataclass(frozen=True)
class Bytecode:
    """What came of it.

    Attributes:
        compiled: How many files have bytecode.
        interpreter: The version that compiled them; ``None`` if none did.
        why_not: Why there is none, and what to do; ``None`` if there is.
    """

    compiled: int
    interpreter: str | None
    why_not: str | None


def find_interpreter(target: Target, given: str | None) -> Interpreter | None:
    """A Python of the target's version on this machine; its platform does not matter.

    Args:
        target: What for.
        given: The executable to use, from the user.

    Returns:
        The first that fits: this one, one on PATH, one that uv or pyenv has installed; or ``None``.

    Raises:
        PackageError: The given one does not fit.
    """
    for path in [given] if given else _candidates(target.python):
        version = _version(path)
        if version and version.rpartition(".")[0] == target.python:
            return Interpreter(path, version)
        if given:
            raise PackageError(
                f"--interpreter {given} is "
                + (f"Python {version}" if version else "no CPython that runs here")
                + f", and bytecode for {target.runtime} needs Python {target.python}"
            )
    return None


def compile_all(
    root: Path, target: Target, mode: Mode, interpreter: Interpreter | None
) -> Bytecode:
    """Compile every source below a directory.

    Args:
        root: What becomes the zip.
        target: What for.
        mode: Whether to.
        interpreter: What with.

    Raises:
        PackageError: Bytecode is required and there is no interpreter, or compiling failed.
    """
    if mode == "off":
        return Bytecode(0, None, "it was switched off")
    if interpreter is None:
        why_not = (
            f"there is no Python {target.python} on this machine: 'uv python install "
            f"{target.python}', name one with --interpreter, or package where one is installed"
        )
        if mode == "require":
            raise PackageError(f"bytecode is required, and {why_not}")
        return Bytecode(0, None, why_not)
    done = subprocess.run(
        [interpreter.path, "-s", "-c", COMPILE, str(root)],
        # Sets of constants are written in the order of their hashes.
        env={**_clean_environment(), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=COMPILE_TIMEOUT,
    )
    if done.returncode:
        raise PackageError(f"{interpreter.path} can't compile:\n{done.stderr.strip()}")
    return Bytecode(sum(1 for _ in root.rglob("*.pyc")), interpreter.version, None)


def _clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def _candidates(python: str) -> Iterator[str]:
    yield sys.executable
    name = f"python{python}"
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    yield from map(str, sorted(pyenv.glob(f"versions/{python}.*/bin/{name}"), reverse=True))
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        # A shim of pyenv runs only what the user has switched on.
        if Path(folder) != pyenv / "shims" and os.access(Path(folder) / name, os.X_OK):
            yield str(Path(folder) / name)
    yield from _found_by_uv(python)


def _found_by_uv(python: str) -> list[str]:
    try:
        done = subprocess.run(
            [find_uv_bin(), "python", "find", "--quiet", "--no-python-downloads", python],
            capture_output=True,
            text=True,
            timeout=PROBE_TIMEOUT,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.split("\n")[:1] if done.returncode == 0 else []


def _version(path: str) -> str | None:
    """The version of a CPython, e.g. ``3.13.0``; ``None`` for what is none."""
    try:
        done = subprocess.run(
            [path, "-I", "-c", PROBE], capture_output=True, text=True, timeout=PROBE_TIMEOUT
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    implementation, *numbers = done.stdout.split() or [""]
    return ".".join(numbers) if implementation == "CPython" else None
