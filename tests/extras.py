"""Installs each extra alone, from the wheel, imports what it promises, and runs its example.

``make test-extras`` does it with this Python, ``make release-check`` with all that it finds. It
needs the package index.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.matrix import STEP_SECONDS
from tests.support import examples_alone
from tests.support.examples_alone import Environment, RunExample

ROOT = Path(__file__).parents[1]
VENVS = ROOT / ".venvs"


class Promise(NamedTuple):
    """What extras are for.

    Attributes:
        extras: Their names, as pip takes them; empty for the package without extras.
        modules: What can be imported with them alone.
        example: Runs an example with them; ``None`` where it takes what this machine hasn't got.
        has_command: Whether ``temporal-lambda --version`` prints the version; else it says in one
            line what to install.
    """

    extras: str
    modules: tuple[str, ...]
    example: RunExample | None = None
    has_command: bool = False

    @property
    def name(self) -> str:
        """How it is called in tables and folders."""
        return self.extras.replace(",", "+") or "none"


PROMISES = (
    Promise(
        "",
        ("temporal_lambda.handler", "temporal_lambda.dagster.serving.handler"),
        examples_alone.greeting,
    ),
    Promise(
        "local",
        ("temporal_lambda.local.command", "temporal_lambda.testing.background_stack"),
        examples_alone.testing,
        has_command=True,
    ),
    Promise("otel", ("temporal_lambda.otel",), examples_alone.telemetry),
    Promise(
        "otel-http",
        ("temporal_lambda.otel", "temporal_lambda.otel.otlp_http"),
        examples_alone.telemetry_over_http,
    ),
    Promise(
        "otel,otel-http",
        ("temporal_lambda.otel.otlp_grpc", "temporal_lambda.otel.otlp_http"),
        examples_alone.telemetry_over_either,
    ),
    Promise("aws", ("temporal_lambda.aws",), examples_alone.s3_storage),
    Promise(
        "deploy",
        ("temporal_lambda.deploy.commands", "temporal_lambda.deploy.checking.command"),
        examples_alone.package,
        has_command=True,
    ),
    Promise(
        "dagster",
        ("temporal_lambda.dagster.launcher",),
        examples_alone.dagster_run,
        has_command=True,
    ),
    # The example is an agent's configuration; a run of it takes an account of Dagster+.
    Promise(
        "dagster-cloud",
        ("temporal_lambda.dagster.cloud",),
        examples_alone.dagster_agent,
        has_command=True,
    ),
)


def main() -> None:
    """Check the extras named on the command line, or all."""
    wanted = sys.argv[1:] or [promise.name for promise in PROMISES]
    with tempfile.TemporaryDirectory() as folder:
        hatchling = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
        subprocess.run(hatchling, cwd=ROOT, check=True, capture_output=True)
        (wheel,) = Path(folder).glob("*.whl")
        kept = True
        for promise in PROMISES:
            if promise.name in wanted:
                broken = what_is_broken(promise, wheel, Path(sys.executable))
                print(f"{promise.name}: {broken or 'ok'}", flush=True)
                kept = kept and not broken
    sys.exit(0 if kept else 1)


def what_is_broken(promise: Promise, wheel: Path, python: Path, name: str = "") -> str:
    """What of a promise does not hold; empty if all of it does.

    Args:
        promise: The promise.
        wheel: The package.
        python: The interpreter of the environment it is installed in.
        name: Of that interpreter, for the environment's folder.
    """
    folder = VENVS / f"extra-{promise.name}{name}"
    environment = Environment(folder, folder / "bin" / "python", wheel)
    try:
        install(promise, environment, python)
        for module in promise.modules:
            environment.run("-c", f"import {module}")
        command = environment.run("--version", command="temporal-lambda", check=False)
        if "Traceback" in command.stderr or (command.returncode == 0) != promise.has_command:
            return f"temporal-lambda --version says\n{command.stdout}{command.stderr}"
        if promise.example:
            promise.example(environment)
    except subprocess.CalledProcessError as error:
        said = f"{error.stdout or ''}{error.stderr or ''}".strip()
        return f"{' '.join(map(str, error.cmd))} ended with {error.returncode}\n{said}"
    except subprocess.TimeoutExpired as error:
        return str(error)
    except examples_alone.ExampleError as error:
        return f"its example: {error}"
    return ""


def install(promise: Promise, environment: Environment, python: Path) -> None:
    """Make the environment anew, with nothing in it but the wheel and the extras."""
    what = f"{environment.wheel}[{promise.extras}]" if promise.extras else str(environment.wheel)
    venv: list[str | Path] = [python, "-m", "venv", "--clear", environment.folder]
    subprocess.run(venv, check=True, capture_output=True, text=True, timeout=STEP_SECONDS)
    pip = ["-m", "pip", "-qq", "--disable-pip-version-check", "install"]
    environment.run(*pip, what, seconds=STEP_SECONDS)


if __name__ == "__main__":
    main()
