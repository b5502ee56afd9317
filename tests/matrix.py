"""Runs the unit tests and the greeting demo in environments other than that of ``make test``.

``pythons``: every other supported Python that is found on this machine. ``lowest``: the oldest
dependencies that pyproject.toml admits. ``newest``: what a user gets who installs today. The last
two are on the Python that runs this. Environments are kept in ``.venvs``, each with its log.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, NamedTuple, TypeAlias

ROOT = Path(__file__).parents[1]
VENVS = ROOT / ".venvs"
CONSTRAINTS = ROOT / "tests" / "constraints" / "dev.txt"
SUPPORTED = [(3, minor) for minor in range(10, 15)]
AT_ONCE = 2
DEMO = [
    *("-m", "temporal_lambda.cli", "dev", "examples/greeting/handler.py:lambda_handler"),
    *("--timeout", "20s", "--no-reload"),
    *("--execute", "Greeting", "--input", '"World"'),
]
STEP_SECONDS = 600

Command: TypeAlias = list[str | Path]


class Environment(NamedTuple):
    """What the tests run in: a name, an interpreter, and constraints on what is installed."""

    name: str
    python: Path
    constraints: str


def main() -> None:
    """Run the kinds that were asked for; the exit code says whether all went well."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("kinds", nargs="+", choices=["pythons", "lowest", "newest"])
    kinds = parser.parse_args().kinds
    environments = list(wanted(kinds))
    if not environments:
        print(f"no other supported Python was found in {', '.join(map(str, places()))}")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(run, environments))
    sys.exit(0 if all(outcomes) else 1)


def wanted(kinds: Iterable[str]) -> Iterator[Environment]:
    """The environments of some kinds."""
    here = Path(sys.executable)
    pinned = CONSTRAINTS.read_text()
    for kind in kinds:
        if kind == "pythons":
            for (major, minor), python in other_pythons(places()).items():
                yield Environment(f"{major}.{minor}", python, pinned)
        elif kind == "lowest":
            yield Environment(kind, here, lowest((ROOT / "pyproject.toml").read_text()))
        else:
            yield Environment(kind, here, "")


def lowest(pyproject: str) -> str:
    """A constraint for each floor among the dependencies that users install."""
    tables = pyproject.partition("\ndependencies = ")[2].partition("[dependency-groups]")[0]
    floors = re.findall(r'"([\w.-]+)(?:\[[\w,]+\])?>=([\w.]+)', tables)
    return "".join(f"{name}=={version}\n" for name, version in sorted(set(floors)))


def places() -> list[Path]:
    """The folders where interpreters are looked for: pyenv's, the newest first, and the PATH."""
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    versions = sorted(pyenv.glob("3.*"), key=_as_numbers, reverse=True)
    path = os.environ.get("PATH", "").split(os.pathsep)
    return [*(version / "bin" for version in versions), *map(Path, filter(None, path))]


def _as_numbers(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", folder.name)]


def other_pythons(folders: Iterable[Path]) -> dict[tuple[int, int], Path]:
    """One interpreter for each supported version but the running one."""
    found: dict[tuple[int, int], Path] = {}
    for folder in folders:
        for version in SUPPORTED:
            python = folder / f"python{version[0]}.{version[1]}"
            if version not in found and version != sys.version_info[:2] and works(python, version):
                found[version] = python
    return dict(sorted(found.items()))


def works(python: Path, version: tuple[int, int]) -> bool:
    """Whether an interpreter is there, of that version, and can make environments."""
    code = f"import sys, venv, ensurepip; sys.exit(sys.version_info[:2] != {version})"
    try:
        ended = subprocess.run([python, "-c", code], capture_output=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0


def run(environment: Environment) -> bool:
    """Install, test, show the demo; tell how long each took, or what went wrong."""
    folder = VENVS / environment.name
    folder.mkdir(parents=True, exist_ok=True)
    python = folder / "venv" / "bin" / "python"
    steps: dict[str, list[Command]] = {
        "installed": installation(environment, folder, python),
        "unit tests": [[python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/unit"]],
        "demo": [[python, *DEMO]],
    }
    took = []
    with (folder / "log.txt").open("w+") as log:
        for name, commands in steps.items():
            begun = time.monotonic()
            if not all(succeeds(command, log) for command in commands):
                print(f"{environment.name}: FAILED ({name}, {environment.python})\n{tail(log)}")
                return False
            took.append(f"{name} {time.monotonic() - begun:.0f} s")
        (folder / "installed").write_text(_recipe(environment))
    print(f"{environment.name}: ok ({', '.join(took)}, {environment.python})", flush=True)
    return True


def installation(environment: Environment, folder: Path, python: Path) -> list[Command]:
    """The commands that make the environment; none if it is there and nothing has changed."""
    done = folder / "installed"
    if done.exists() and done.read_text() == _recipe(environment):
        return []
    shutil.rmtree(folder / "venv", ignore_errors=True)
    constraints = folder / "constraints.txt"
    constraints.write_text(environment.constraints)
    pip: Command = [python, "-m", "pip", "--disable-pip-version-check", "install", "-qq"]
    return [
        [environment.python, "-m", "venv", folder / "venv"],
        [*pip, "--upgrade", "pip>=25.1"],  # Dependency groups need a recent one.
        [
            *pip,
            "-c",
            constraints,
            "--group",
            "unit",
            "--editable",
            ".[local,deploy,otel,otel-http,dagster]",
        ],
    ]


def _recipe(environment: Environment) -> str:
    # Without the tables of tools, which change nothing of what is installed.
    dependencies = (ROOT / "pyproject.toml").read_text().partition("\n[tool.")[0]
    return hashlib.sha256(f"{environment}{dependencies}".encode()).hexdigest()


def succeeds(command: Command, log: IO[str]) -> bool:
    """Run a command in the project's root, its output into a log."""
    log.write(f"$ {' '.join(map(str, command))}\n")
    log.flush()
    try:
        ended = subprocess.run(
            command, cwd=ROOT, stdout=log, stderr=log, check=False, timeout=STEP_SECONDS
        )
    except subprocess.TimeoutExpired:
        log.write(f"not done after {STEP_SECONDS} s\n")
        return False
    return ended.returncode == 0


def tail(log: IO[str]) -> str:
    """The last lines of a log."""
    log.flush()
    log.seek(0)
    return "".join(f"    {line}" for line in log.readlines()[-40:])


if __name__ == "__main__":
    main()
