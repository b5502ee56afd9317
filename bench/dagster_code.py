"""Jobs of Dagster that are executed as they are: what a step costs, and what the package does."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from dagster import DagsterInstance, JobDefinition

from bench import readonly
from bench.results import Measured, Row
from temporal_lambda.dagster.launching.run_code import run_as_code
from temporal_lambda.deploy.packaging.build import Options, package
from temporal_lambda.deploy.packaging.requirements import Requirements
from temporal_lambda.deploy.packaging.target import Target
from temporal_lambda.local import Function, LocalStack

ROOT = Path(__file__).parents[1]
FUNCTIONS = Path(__file__).parent / "functions"
EXAMPLE = ROOT / "examples" / "dagster"

GOALS = {"inline": 80.0, "durable": 150.0}
"""Milliseconds that a step may cost more than in Dagster's own process."""

LARGEST = 250.0
"""Megabytes that a zip function may have unpacked (AWS quota)."""

ABOUT = (
    "A job of ten steps that do nothing, one after the other, whose outputs go through files. "
    "Executed ten times: by `execute_in_process` in a process that has done it before and whose "
    "logging is off; and by `run_dagster_code` in a warm execution environment of the local "
    "Lambda, inline and durable, the latter with a Temporal server on the same machine. Counted is "
    "the invocation's duration per step, and what is above the first. Then the example of a "
    "packaged code location (`shop` of `examples/dagster`, with dagster and dagster-aws), packaged "
    "with `temporal-lambda package`, unpacked into a directory that is read-only and belongs to "
    "another user, and started there: the time its handler's module takes to import and to load "
    "the definitions."
)

TIMED = """
import os, time
os.environ.update(SHOP_BUCKET="shop", SHOP_S3_ENDPOINT="http://127.0.0.1:1")
begun = time.perf_counter()
from code_handler import lambda_handler
print("IMPORTED", (time.perf_counter() - begun) * 1000)
"""


async def measure(quick: bool) -> Measured:
    """Warm steps first, then the package."""
    rounds = 3 if quick else 10
    job, steps = _job()
    here = [one / steps for one in await asyncio.to_thread(_in_process, job, rounds)]
    rows = []
    async with LocalStack() as stack:
        for mode, goal in GOALS.items():
            there = [one / steps for one in await _in_lambda(stack, job, mode, rounds)]
            more = statistics.median(there) - statistics.median(here)
            rows.append(
                Row(
                    f"a step, {mode}, warm",
                    "ms",
                    there,
                    here,
                    other="in process",
                    goal=f"at most {goal:.0f} ms more",
                    met=more <= goal,
                )
            )
    rows += await asyncio.to_thread(_packaged, 2 if quick else 10)
    return Measured("Dagster's own steps", ABOUT, rows)


def _job() -> tuple[JobDefinition, int]:
    """The functions' job, and how many steps it has."""
    spec = importlib.util.spec_from_file_location("code_chain", FUNCTIONS / "code_chain.py")
    assert spec
    assert spec.loader
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.defs.get_job_def("chain"), module.STEPS


def _in_process(job: JobDefinition, rounds: int) -> list[float]:
    """Milliseconds of each run; the first does not count."""
    times = []
    logging.disable(logging.CRITICAL)
    try:
        with DagsterInstance.ephemeral() as instance:
            for _ in range(rounds + 1):
                begun = time.perf_counter()
                assert job.execute_in_process(instance=instance).success
                times.append((time.perf_counter() - begun) * 1000)
    finally:
        logging.disable(logging.NOTSET)
    return times[1:]


async def _in_lambda(stack: LocalStack, job: JobDefinition, mode: str, rounds: int) -> list[float]:
    """Milliseconds of each invocation; the first does not count."""
    name = f"code-{mode}"
    with tempfile.TemporaryDirectory() as outputs:
        function = Function(
            name,
            f"code_handlers.{mode}",
            FUNCTIONS,
            timeout=timedelta(seconds=60),
            environment={"NAME": name, "OUTPUTS": outputs},
        )
        stack.create(function)
        times = []
        for _ in range(rounds + 1):
            record, answer = await stack.service.invoke(function, _payload(job))
            body = json.loads(json.loads(answer.payload)["body"])
            assert body["status"] == "success", body
            times.append(record.duration_ms)
    return times[1:]


def _payload(job: JobDefinition) -> bytes:
    """What a launcher would send of a new run."""
    with DagsterInstance.ephemeral() as instance:
        run = instance.create_run_for_job(job)
        # The outputs' folder is another one there, and part of the definitions.
        code = {**run_as_code(instance, run), "job_snapshot": None}
    return json.dumps(
        {
            "dagster_run": {"run_id": run.run_id, "job_name": job.name},
            "run_config": {},
            "metadata": {"invocation_type": "RequestResponse"},
            "code": code,
        }
    ).encode()


def _packaged(rounds: int) -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        archive = folder / "code.zip"
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        target = next(
            one for arch in ("x86_64", "arm64") if (one := Target(version, arch)).runs_here
        )
        project = _project(folder)
        package(Options("handler.lambda_handler", target, Requirements(project)), archive)
        size = archive.stat().st_size / 1e6
        unpacked = sum(one.file_size for one in zipfile.ZipFile(archive).infolist()) / 1e6
        readonly.unpack(archive, folder / "code")
        init, imports = [], []
        for record in readonly.invoke(folder / "code", rounds):
            (line,) = (line for line in record["log"] if line.startswith("IMPORTED "))
            imports.append(float(line.split()[1]))
            init.append(record["init_ms"])
    title = f"{target.arch}, Python {version}"
    return [
        Row(f"packaged example, zip, {title}", "MB", [size]),
        Row(
            f"packaged example, unpacked, {title}",
            "MB",
            [unpacked],
            goal=f"at most {LARGEST:.0f} MB",
            met=unpacked <= LARGEST,
        ),
        Row(f"packaged example, import and definitions, {title}", "ms", imports),
        Row(f"packaged example, cold start, {title}", "ms", init),
    ]


def _project(folder: Path) -> Path:
    project = folder / "project"
    project.mkdir()
    for name in ("shop.py", "code_handler.py"):
        shutil.copy(EXAMPLE / name, project)
    (project / "handler.py").write_text(TIMED)
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = folder.glob("*.whl")
    (project / "requirements.txt").write_text(f"{wheel}\ndagster>=1.13,<2\ndagster-aws>=0.29\n")
    return project
