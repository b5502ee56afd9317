"""The greeting example as a zip."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from pathlib import Path

from temporal_lambda.deploy.packaging.build import Options, package
from temporal_lambda.deploy.packaging.report import Report
from temporal_lambda.deploy.packaging.requirements import Requirements
from temporal_lambda.deploy.packaging.target import Target

ROOT = Path(__file__).parents[2]


def package_greeting(folder: Path) -> tuple[Path, Report]:
    """Package the example for this Python and machine, with this package as a wheel."""
    project = folder / "greeting"
    shutil.copytree(ROOT / "examples" / "greeting", project)
    build_wheel = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build_wheel, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    (project / "requirements.txt").write_text(f"{wheel}\n")
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    arch = "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"
    options = Options(
        "handler.lambda_handler", Target(python, arch), Requirements(project), bytecode="require"
    )
    return folder / "function.zip", package(options, folder / "function.zip")
