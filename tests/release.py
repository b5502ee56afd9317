"""Checks what a release consists of; ``make release-check``.

Builds wheel and sdist, looks at both, builds the wheel again from the sdist, and runs the unit
tests there. Installs each extra alone from the wheel under every supported Python that is found,
imports what it promises and runs an example with it. Follows the quick start and the tutorial with
that wheel, and what it needs from the index. A table at the end says what has passed. It needs the
package index, and nothing else outside of this machine.
"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import NamedTuple

from tests.extras import PROMISES, Promise, what_is_broken
from tests.matrix import AT_ONCE, STEP_SECONDS, SUPPORTED, other_pythons, places
from tests.support.checkout import WHEEL

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
HERE = sys.version_info[:2]
FOLLOWED = {
    "README.md": "tests/server/test_quick_start.py",
    "docs/tutorial.md": "tests/server/test_tutorial.py",
}
"""For documents, the tests that do what they say in an empty environment with the wheel."""

HOW_LONG = "about {} minutes on two idle processors; a step that takes over 10 minutes has failed"
MINUTES_PER_PYTHON, MINUTES_ELSE = 3, 4


class Outcome(NamedTuple):
    """What came of a check.

    Attributes:
        name: What was checked.
        python: With which Python; empty for the one that runs this.
        broken: What does not hold; empty if all does.
        seconds: How long it took.
    """

    name: str
    python: str
    broken: str
    seconds: float


def main() -> None:
    """Run all checks; the exit code says whether all have passed."""
    pythons = dict(sorted({**other_pythons(places()), HERE: Path(sys.executable)}.items()))
    minutes = MINUTES_PER_PYTHON * len(pythons) + MINUTES_ELSE
    print(
        f"release check, Python {', '.join(map(_dotted, pythons))}: {HOW_LONG.format(minutes)}",
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        dist = Path(folder) / "dist"
        outcomes = [timed("wheel and sdist are built", lambda: build(ROOT, dist))]
        if not outcomes[0].broken:
            outcomes += files(dist, Path(folder))
            (wheel,) = dist.glob("*.whl")
            outcomes += extras(wheel, pythons)
            outcomes += [followed(document, wheel) for document in FOLLOWED]
    show(outcomes, [_dotted(version) for version in pythons])
    missing = [_dotted(version) for version in SUPPORTED if version not in pythons]
    if missing:
        print(f"not checked, since it is not on this machine: Python {', '.join(missing)}")
    sys.exit(1 if any(outcome.broken for outcome in outcomes) else 0)


def _dotted(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def timed(name: str, check: Callable[[], str], python: str = "") -> Outcome:
    """Run a check, and tell at once what does not hold."""
    begun = time.monotonic()
    try:
        broken = check()
    except Exception as error:
        broken = repr(error)
    print(f"{name}{python and f', Python {python}'}: {broken or 'ok'}", flush=True)
    return Outcome(name, python, broken, time.monotonic() - begun)


def said(*command: str | Path, folder: Path = ROOT, variables: Mapping[str, str] = {}) -> str:
    """What a command said, if it failed; else nothing."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=STEP_SECONDS,
    )
    if not done.returncode:
        return ""
    return f"{done.stdout}{done.stderr}" or f"{command[0]} ended with {done.returncode}\n"


def build(source: Path, dist: Path, *targets: str) -> str:
    """Build both, or some, as CONTRIBUTING.md does."""
    chosen = [word for target in targets for word in ("-t", target)]
    return said(sys.executable, "-m", "hatchling", "build", *chosen, "-d", dist, folder=source)


def files(dist: Path, folder: Path) -> list[Outcome]:
    """Look at what was built.

    Args:
        dist: Holds wheel and sdist.
        folder: For what is unpacked.
    """
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    source = folder / sdist.name.removesuffix(".tar.gz")
    again = folder / "again"
    unit_tests = (sys.executable, "-m", "pytest", "-q", "-n", "2", "-p", "no:cacheprovider")
    checks: dict[str, Callable[[], str]] = {
        "the changelog has this version's date": changelog_is_not_ready,
        "twine check --strict": lambda: said(BIN / "twine", "check", "--strict", wheel, sdist),
        "check-wheel-contents": lambda: said(BIN / "check-wheel-contents", wheel),
        "the sdist has every file": lambda: left_out(source),
        "the sdist builds the same wheel": lambda: (
            build(source, again, "wheel") or differs(wheel, again / wheel.name)
        ),
        "unit tests pass from the sdist": lambda: said(*unit_tests, "tests/unit", folder=source),
        "the sdist's other tests are whole": lambda: said(
            *unit_tests, "--collect-only", "tests", folder=source
        ),
        "extra local can be installed on Windows": lambda: said(
            *(sys.executable, "-m", "uv", "pip", "compile", "--quiet", "pyproject.toml"),
            *("--extra", "local", "--python-platform", "windows", "--only-binary", ":all:"),
        ),
    }
    return [timed(name, check) for name, check in checks.items()]


def changelog_is_not_ready() -> str:
    """What the top of the changelog lacks for a release of the package as it is."""
    from temporal_lambda import __version__

    return wrong_heading((ROOT / "CHANGELOG.md").read_text(), __version__)


def wrong_heading(changelog: str, version: str) -> str:
    """Why a changelog's first heading is not that of a release; empty if it is.

    Args:
        changelog: Its text.
        version: The release.

    Example:
        >>> wrong_heading("# Changelog\\n\\n## 1.0.0 (2026-12-01)\\n", "1.0.0")
        ''
    """
    (heading, *_) = [line for line in changelog.splitlines() if line.startswith("## ")] or [""]
    found = re.fullmatch(r"## (\S+) \((\d{4}-\d\d-\d\d)\)", heading)
    wrong = f"CHANGELOG.md begins with {heading!r}; a release needs '## {version} (YYYY-MM-DD)'"
    if not found or found[1] != version:
        return wrong
    try:
        date.fromisoformat(found[2])
    except ValueError as error:
        return f"{wrong}: {error}"
    return ""


def left_out(source: Path) -> str:
    """What is under version control and not in the unpacked sdist."""
    # git would refuse to look at a checkout that belongs to another user, as in some containers.
    command = ("git", "-c", "safe.directory=*", "ls-files")
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        return f"{' '.join(command)} ended with {listed.returncode}: {listed.stderr}"
    return "\n".join(path for path in listed.stdout.splitlines() if not (source / path).is_file())


def differs(wheel: Path, other: Path) -> str:
    """The files in which two wheels differ; that they do, if it is none of these."""
    if wheel.read_bytes() == other.read_bytes():
        return ""
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(other) as two:
        first, second = (
            {info.filename: info.CRC for info in each.infolist()} for each in (one, two)
        )
    names = sorted(name for name, _ in first.items() ^ second.items())
    return "\n".join(dict.fromkeys(names)) or "the same files, other bytes"


def extras(wheel: Path, pythons: dict[tuple[int, int], Path]) -> list[Outcome]:
    """Keep every promise under every Python."""

    def check(task: tuple[Promise, tuple[int, int]]) -> Outcome:
        promise, version = task
        name = _dotted(version)
        return timed(
            f"extra {promise.name}",
            lambda: what_is_broken(promise, wheel, pythons[version], f"-{name}"),
            name,
        )

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(check, itertools.product(PROMISES, pythons)))


def followed(document: str, wheel: Path) -> Outcome:
    """Do what a document says, with this wheel in place of one of the document's own."""
    test = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", FOLLOWED[document])
    return timed(
        f"{document} as printed, from the wheel",
        lambda: said(*test, variables={WHEEL: str(wheel)}),
    )


def show(outcomes: list[Outcome], pythons: list[str]) -> None:
    """Print the table: what was checked once, and what under each Python."""
    width = max(len(outcome.name) for outcome in outcomes)
    once = [outcome for outcome in outcomes if not outcome.python]
    print("", *(f"{outcome.name:<{width}}  {_result(outcome)}" for outcome in once), sep="\n")
    print(f"\n{'':<{width}}", *(f"{python:<12}" for python in pythons), sep="  ")
    rows = {outcome.name: "" for outcome in outcomes if outcome.python}
    for outcome in outcomes:
        if outcome.python:
            rows[outcome.name] += f"  {_result(outcome):<12}"
    print(*(f"{name:<{width}}{results}" for name, results in rows.items()), sep="\n")
    failed = sum(bool(outcome.broken) for outcome in outcomes)
    print(f"\n{len(outcomes) - failed} of {len(outcomes)} checks have passed")


def _result(outcome: Outcome) -> str:
    return f"{'FAILED' if outcome.broken else 'ok'}, {outcome.seconds:.0f} s"


if __name__ == "__main__":
    main()
