"""A packaged function beside the plain recipe: size, and the import at a cold start."""

from __future__ import annotations

import asyncio
import shutil
import statistics
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from bench import readonly
from bench.results import Measured, Row
from temporal_lambda.deploy.packaging.build import Options, package
from temporal_lambda.deploy.packaging.bytecode import find_interpreter
from temporal_lambda.deploy.packaging.requirements import Requirements
from temporal_lambda.deploy.packaging.target import ARCHITECTURES, Target

ABOUT = (
    "The greeting example, packaged with `temporal-lambda package` and by the plain recipe: "
    "`uv pip install --target`, the code beside it, and zip. Each zip is unpacked into a directory "
    "that is read-only and belongs to another user, and run there in the local Lambda, each time "
    "in a new execution environment, taking turns; the handler's module times its own imports. "
    "Python 3.13 is measured where it is installed."
)

ROOT = Path(__file__).parents[1]

TIMED = """
import time
begun = time.perf_counter()
from greeting_handler import lambda_handler
print("IMPORTED", (time.perf_counter() - begun) * 1000)
"""


@dataclass(frozen=True)
class Zips:
    """Both zips for one target, and whether ours was the same twice."""

    ours: Path
    plain: Path
    same_twice: bool


async def measure(quick: bool) -> Measured:
    """Build both for each architecture; run those that this machine can run."""
    return await asyncio.to_thread(_measure, 2 if quick else 10)


def _measure(rounds: int) -> Measured:
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        project = _project(folder)
        for arch in ARCHITECTURES:
            zips = _build(project, Target("3.13", arch), folder / f"3.13-{arch}")
            rows += _sizes(zips, arch)
        for target, python in _runnable(folder):
            zips = _build(project, target, folder / f"run-{target.python}")
            rows.append(_imports(zips, target, python, folder / target.python, rounds))
    return Measured("A packaged function", ABOUT, rows)


def _project(folder: Path) -> Path:
    project = folder / "greeting"
    shutil.copytree(ROOT / "examples" / "greeting", project)
    (project / "handler.py").rename(project / "greeting_handler.py")
    (project / "handler.py").write_text(TIMED)
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
    (wheel,) = folder.glob("*.whl")
    (project / "requirements.txt").write_text(f"{wheel}\n")
    return project


def _build(project: Path, target: Target, folder: Path) -> Zips:
    options = Options("handler.lambda_handler", target, Requirements(project))
    hashes = {package(options, folder / "ours.zip").code_sha256 for _ in range(2)}
    plain = folder / "plain"
    _run(
        *(find_uv_bin(), "pip", "install", "--quiet", "--python", sys.executable),
        *("--target", str(plain), "--only-binary", ":all:"),
        *("--python-version", target.python, "--python-platform", target.platform),
        *("--requirements", str(project / "requirements.txt")),
    )
    shutil.copytree(project, plain, dirs_exist_ok=True)
    with zipfile.ZipFile(folder / "plain.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in plain.rglob("*"):
            archive.write(path, path.relative_to(plain))
    return Zips(folder / "ours.zip", folder / "plain.zip", len(hashes) == 1)


def _sizes(zips: Zips, arch: str) -> list[Row]:
    ours, plain = (path.stat().st_size / 1e6 for path in (zips.ours, zips.plain))
    unpacked = [
        sum(info.file_size for info in zipfile.ZipFile(path).infolist()) / 1e6
        for path in (zips.ours, zips.plain)
    ]
    return [
        Row(
            f"zip, {arch}, Python 3.13",
            "MB",
            [ours],
            [plain],
            other="plain",
            goal="no larger, the same bytes twice",
            met=ours <= plain and zips.same_twice,
        ),
        Row(f"unpacked, {arch}, Python 3.13", "MB", [unpacked[0]], [unpacked[1]], other="plain"),
    ]


def _runnable(folder: Path) -> list[tuple[Target, str]]:
    """Targets that this machine can run, and a Python with the local stack for each."""
    arch = next(arch for arch in ARCHITECTURES if Target("3.13", arch).runs_here)
    here = Target(f"{sys.version_info.major}.{sys.version_info.minor}", arch)
    found = [(here, sys.executable)]
    other = Target("3.13", arch)
    interpreter = find_interpreter(other, None)
    if other != here and interpreter:
        python = folder / "venv" / "bin" / "python"
        _run(find_uv_bin(), "venv", "--quiet", "--python", interpreter.path, str(folder / "venv"))
        local = f"{ROOT}[local]"
        _run(find_uv_bin(), "pip", "install", "--quiet", "--python", str(python), local)
        found.append((other, str(python)))
    return found


def _imports(zips: Zips, target: Target, python: str, folder: Path, rounds: int) -> Row:
    runs: dict[str, list[float]] = {"ours": [], "plain": []}
    for name, path in (("ours", zips.ours), ("plain", zips.plain)):
        readonly.unpack(path, folder / name)
    for _ in range(rounds):
        for name, times in runs.items():
            (record,) = readonly.invoke(folder / name, 1, python)
            (line,) = (line for line in record["log"] if line.startswith("IMPORTED "))
            times.append(float(line.split()[1]))
    faster = statistics.median(runs["plain"]) / statistics.median(runs["ours"])
    return Row(
        f"import at the cold start, {target.arch}, Python {target.python}",
        "ms",
        runs["ours"],
        runs["plain"],
        other="plain",
        goal="2x" if target.python == "3.13" else "",
        met=faster >= 2 if target.python == "3.13" else None,
    )


def _run(*command: str) -> None:
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
