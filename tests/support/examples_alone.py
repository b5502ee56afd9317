"""Runs the examples in environments that have the package as a wheel, and one extra.

What an example talks to is real and runs here, beside it: a Temporal server, S3, a collector, the
local Lambda. Lambda's runtime has a Python of its own, so handlers are called in a loop, with a
context that has a deadline.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from temporalio.client import Client
from temporalio.common import WorkerDeploymentVersion

from examples.dagster.demo.functions import BUCKET, OTHERS
from examples.dagster.demo.scenario import s3_here
from temporal_lambda.testing import BackgroundStack
from temporal_lambda.worker_deployment import set_current, wait_until_bound, wait_until_routed
from tests.matrix import CONSTRAINTS, DEMO
from tests.support.otlp import Receiver, receiving
from tests.support.otlp_http import receiving_http
from tests.support.sample_project import MODES, make_project

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
SECONDS = 120.0
"""For one program, or one workflow."""

AWS = {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1",
}


class ExampleError(Exception):
    """An example did not do what it should; the message says what it did."""


class Environment(NamedTuple):
    """A virtual environment.

    Attributes:
        folder: Where it is.
        python: Its interpreter.
        wheel: The package that is installed in it.
    """

    folder: Path
    python: Path
    wheel: Path

    def run(
        self,
        *arguments: str | Path,
        command: str = "python",
        folder: Path | None = None,
        variables: Mapping[str, str] = {},
        seconds: float = SECONDS,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment, outside of the checkout: it sees the wheel alone.

        Raises:
            subprocess.SubprocessError: It failed, or was not done in time.
        """
        return subprocess.run(
            [self.folder / "bin" / command, *arguments],
            cwd=folder or self.folder,
            env=self.variables(variables),
            capture_output=True,
            text=True,
            check=check,
            timeout=seconds,
        )

    def variables(self, more: Mapping[str, str] = {}) -> dict[str, str]:
        """Variables for its processes: those of this one, but for what leads to the checkout."""
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return {
            **inherited,
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "VIRTUAL_ENV": str(self.folder),
            # Several Pythons run the examples at the same time.
            "PYTHONDONTWRITEBYTECODE": "1",
            **more,
        }


RunExample: TypeAlias = Callable[[Environment], None]

SERVE = """
import os, sys, time
from handler import lambda_handler

class Context:
    aws_request_id = "1"
    function_name = "example"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:example"

    def __init__(self):
        self.deadline = time.monotonic() + 15

    def get_remaining_time_in_millis(self):
        return int(1000 * (self.deadline - time.monotonic()))

while not os.path.exists(sys.argv[1]):
    lambda_handler({}, Context())
"""
"""Invokes a handler until a file is there, as a worker controller would while there is work."""


def greeting(environment: Environment) -> None:
    """The first example."""
    _expect("Hello, World!", _serve(environment, "greeting", "greetings", "Greeting", "World"))


def s3_storage(environment: Environment) -> None:
    """A payload that is too large for a history, with S3 here."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with s3_here() as endpoint:
        s3 = {**AWS, "AWS_ENDPOINT_URL_S3": endpoint, "PAYLOAD_BUCKET": BUCKET}
        size = 3 * 256 * 1024
        example = ("s3_storage", "digests", "Digest", size, 0.1)
        _expect(size, _serve(environment, *example, deployment="digest", variables=s3))


def telemetry(environment: Environment) -> None:
    """Traces over gRPC."""
    with receiving() as receiver:
        _trace(environment, receiver, "grpc")


def telemetry_over_http(environment: Environment) -> None:
    """Traces over HTTP."""
    with receiving_http() as receiver:
        _trace(environment, receiver, "http/protobuf")


def telemetry_over_either(environment: Environment) -> None:
    """The variable alone decides which way traces go."""
    telemetry(environment)
    telemetry_over_http(environment)


def _trace(environment: Environment, receiver: Receiver, protocol: str) -> None:
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
    }
    example = ("telemetry", "parcels", "Parcel", "P-7", 0.1)
    result = _serve(environment, *example, deployment="parcels", variables=variables)
    _expect("neighbour", result)
    _expect(1, len(receiver.named("RunWorkflow:Parcel")))


def testing(environment: Environment) -> None:
    """The quick start's command, and pytest's fixtures in a project of a user's."""
    demo = [argument.replace("examples/", f"{EXAMPLES}/") for argument in DEMO]
    said = environment.run(*demo).stdout
    if 'result      "Hello, World!"' not in said:
        raise ExampleError(f"temporal-lambda dev said\n{said}")
    pip = ("-m", "pip", "-qq", "--disable-pip-version-check", "install", "-c", CONSTRAINTS)
    environment.run(*pip, "pytest", "pytest-asyncio", "pytest-xdist", seconds=5 * SECONDS)
    with tempfile.TemporaryDirectory() as folder:
        make_project(Path(folder))
        for mode in MODES:
            said = environment.run(*mode.command(), folder=Path(folder)).stdout
            if f"{mode.tests} passed" not in said:
                raise ExampleError(f"{mode.name}: {said}")


def package(environment: Environment) -> None:
    """The first example becomes a zip, which is checked."""
    with tempfile.TemporaryDirectory() as folder:
        project, archive = Path(folder) / "greeting", Path(folder) / "function.zip"
        shutil.copytree(EXAMPLES / "greeting", project)
        (project / "requirements.txt").write_text(f"{environment.wheel}\n")
        options = ("--bytecode", "require", "-o", archive)
        command = "temporal-lambda"
        environment.run("package", project, *options, command=command, seconds=5 * SECONDS)
        names = set(zipfile.ZipFile(archive).namelist())
        _expect(set(), {"handler.py", "temporal_lambda/handler.py"} - names)
        environment.run("check", archive, "--offline", command=command)


LAUNCH = """
import sys, time
import dagster as dg
from existing_jobs import copy_files_job as job
from temporal_lambda.dagster.dagster_internals import LaunchRunContext

with dg.DagsterInstance.from_config(sys.argv[1]) as instance:
    created = instance.create_run_for_job(job, run_config=job.run_config, tags=job.run_tags)
    starting = dg.DagsterEvent(dg.DagsterEventType.RUN_STARTING.value, job.name)
    instance.report_dagster_event(starting, created.run_id)
    run = instance.get_run_by_id(created.run_id)
    instance.run_launcher.launch_run(LaunchRunContext(run, None))
    while not run.is_finished:
        time.sleep(0.05)
        run = instance.get_run_by_id(created.run_id)
    print(run.status.value)
"""


def dagster_run(environment: Environment) -> None:
    """A job of the example, launched with its ``dagster.yaml`` into the local Lambda."""
    (function,) = (each for each in OTHERS if each.name == "copy-files")

    async def create(stack: BackgroundStack) -> None:
        stack.local.create(function)

    with BackgroundStack() as stack, tempfile.TemporaryDirectory() as home:
        shutil.copy(EXAMPLES / "dagster" / "dagster.yaml", home)
        stack.run(create(stack))
        variables = {**AWS, "LAMBDA_ENDPOINT": stack.lambda_endpoint, "DAGSTER_HOME": home}
        launched = environment.run(
            "-c", LAUNCH, home, folder=EXAMPLES / "dagster", variables=variables
        )
    _expect("SUCCESS\n", launched.stdout)


AGENT = """
import sys
import dagster as dg

with dg.DagsterInstance.from_config(sys.argv[1]) as agent:
    print(type(agent.user_code_launcher.run_launcher()).__name__)
"""


def dagster_agent(environment: Environment) -> None:
    """The configuration of the example's agent of Dagster+, without Dagster+."""
    folder = EXAMPLES / "dagster" / "multi_agent" / "lambda_agent"
    token = {**AWS, "DAGSTER_CLOUD_AGENT_TOKEN": "agent:shop:not-a-token"}
    said = environment.run("-c", AGENT, folder, variables=token).stdout
    _expect("LambdaRunLauncher\n", said)


def _serve(
    environment: Environment,
    example: str,
    task_queue: str,
    workflow: str,
    *arguments: Any,
    deployment: str = "greeting",
    variables: Mapping[str, str] = {},
) -> Any:
    """What a workflow returns that an example's handler serves."""
    version = WorkerDeploymentVersion(deployment, "1.0")

    async def execute(client: Client, process: subprocess.Popen[str]) -> Any:
        ended = "the handler failed"
        await wait_until_bound(client, version, SECONDS, lambda: ended if process.poll() else None)
        await set_current(client, version)
        await wait_until_routed(client, deployment)
        return await client.execute_workflow(
            workflow, args=arguments, id="example", task_queue=task_queue
        )

    with BackgroundStack() as stack, tempfile.TemporaryDirectory() as folder:
        done, log = Path(folder) / "done", Path(folder) / "log"
        server = {"TEMPORAL_ADDRESS": stack.temporal_address, "TEMPORAL_TLS": "false"}
        with log.open("w") as output:
            process = subprocess.Popen(
                [environment.python, "-c", SERVE, done],
                cwd=EXAMPLES / example,
                env=environment.variables({**server, **variables}),
                stdout=output,
                stderr=output,
                text=True,
            )
        try:
            result = stack.run(execute(stack.client, process), 2 * SECONDS)
            done.touch()
            _expect(0, process.wait(SECONDS))
        except Exception as error:
            raise ExampleError(f"{error!r}\n{log.read_text()}") from error
        finally:
            process.kill()
            process.wait()
    return result


def _expect(what: Any, found: Any) -> None:
    if found != what:
        raise ExampleError(f"{what!r} was expected, not {found!r}")
