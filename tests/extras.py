"""Installs each extra alone, from the wheel, and imports what it promises.

Environments are kept in ``.venvs/extra-NAME``. It needs the package index.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
VENVS = ROOT / ".venvs"


class Promise(NamedTuple):
    """What an extra is for.

    Attributes:
        extra: Its name; empty for the package without extras.
        modules: What can be imported with it alone.
        example: A folder below ``examples`` whose handler can be imported, too.
        has_command: Whether ``temporal-lambda --version`` prints the version; else it says in one
            line what to install.
    """

    extra: str
    modules: tuple[str, ...]
    example: str | None = None
    has_command: bool = False


PROMISES = (
    Promise("", ("temporal_lambda.handler", "temporal_lambda.dagster.serving.handler"), "greeting"),
    Promise(
        "local",
        ("temporal_lambda.local.command", "temporal_lambda.testing.background_stack"),
        has_command=True,
    ),
    Promise("otel", ("temporal_lambda.otel",), "telemetry"),
    Promise("otel-http", ("temporal_lambda.otel", "temporal_lambda.otel.otlp_http"), "telemetry"),
    Promise("aws", ("temporal_lambda.aws",), "s3_storage"),
    Promise(
        "deploy",
        ("temporal_lambda.deploy.commands", "temporal_lambda.deploy.checking.command"),
        has_command=True,
    ),
    Promise("dagster", ("temporal_lambda.dagster.launcher",), has_command=True),
    Promise("dagster-cloud", ("temporal_lambda.dagster.cloud",), has_command=True),
)


def main() -> None:
    """Check the extras named on the command line, or all."""
    wanted = sys.argv[1:] or [promise.extra for promise in PROMISES]
    with tempfile.TemporaryDirectory() as folder:
        hatchling = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
        subprocess.run(hatchling, cwd=ROOT, check=True, capture_output=True)
        (wheel,) = Path(folder).glob("*.whl")
        results = [holds(promise, wheel) for promise in PROMISES if promise.extra in wanted]
    sys.exit(0 if all(results) else 1)


def holds(promise: Promise, wheel: Path) -> bool:
    """Whether an extra keeps its promise; tells what does not hold."""
    name = promise.extra or "none"
    venv = VENVS / f"extra-{name}"
    python = str(venv / "bin" / "python")
    what = f"{wheel}[{promise.extra}]" if promise.extra else str(wheel)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
    pip = [python, "-m", "pip", "-qq", "--disable-pip-version-check", "install", what]
    subprocess.run(pip, check=True)
    statements = [f"import {module}" for module in promise.modules]
    if promise.example:
        folder = ROOT / "examples" / promise.example
        statements.append(f"import sys; sys.path.insert(0, {str(folder)!r}); import handler")
    failures = [
        f"{statement}\n{ended.stderr}"
        for statement in statements
        if (ended := run([python, "-c", statement], venv)).returncode
    ]
    version = run([str(venv / "bin" / "temporal-lambda"), "--version"], venv)
    if "Traceback" in version.stderr or (version.returncode == 0) != promise.has_command:
        failures.append(f"temporal-lambda --version\n{version.stdout}{version.stderr}")
    print(f"{name}: {'FAILED' if failures else 'ok'}", *failures, sep="\n", flush=True)
    return not failures


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command outside of the checkout, so that it sees the wheel alone."""
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    main()
