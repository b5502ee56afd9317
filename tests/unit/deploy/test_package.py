"""Packaging: what is in the zip, and that it is the same bytes each time."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from uv import find_uv_bin

from temporal_lambda.deploy.errors import PackageError
from temporal_lambda.deploy.packaging import bytecode, report
from temporal_lambda.deploy.packaging.bytecode import find_interpreter
from temporal_lambda.deploy.packaging.target import PYTHONS, Target
from temporal_lambda.deploy.packaging.version import Version
from tests.unit.deploy.projects import HANDLER, Project, wheel

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"


def test_zip_holds_the_project_and_what_it_needs(project: Project) -> None:
    project.write({"workflows.py": "", "prompts/hello.md": "Hello", "temporal.toml": ""})
    project.need("polite", {"polite/__init__.py": "", "polite/words.json": "{}"})
    made = project.package()
    assert project.names() == {
        "handler.py",
        "workflows.py",
        "prompts/hello.md",
        "temporal.toml",
        "polite/__init__.py",
        "polite/words.json",
        "polite-1.0.dist-info/METADATA",
        "polite-1.0.dist-info/licenses/LICENSE",
    }
    assert made.packages == {"polite": "1.0"}
    assert made.requirements == "requirements.txt"


def test_what_no_function_needs_is_left_out_and_counted(project: Project) -> None:
    project.need(
        "rusty",
        {
            "rusty/__init__.py": "",
            "rusty/Cargo.toml": "",
            "rusty/core/Cargo.toml": "",
            "rusty/core/api.proto": "",
            "rusty/src/lib.rs": "fn main",
            "rusty/types.pyi": "",
            "rusty/py.typed": "",
            "rusty/tests/test_it.py": "",
            "rusty/tests/data.bin": "",
            "rusty/testing/tests/__init__.py": "",
            "rusty/__pycache__/old.cpython-39.pyc": "",
            "rusty-stubs/__init__.pyi": "",
        },
    )
    project.need(
        "temporal_lambda",
        {
            "temporal_lambda/__init__.py": "",
            "temporal_lambda/deploy/commands.py": "",
            "temporal_lambda/local/stack.py": "",
            "share/doc/temporal-lambda/docs/local.md": "",
            "share/doc/temporal-lambda/examples/greeting/handler.py": "",
        },
    )
    project.write(
        {
            ".env": "TEMPORAL_API_KEY=secret",
            ".git/config": "",
            "venv/pyvenv.cfg": "",
            "venv/lib/site.py": "",
            "dist/old.whl": "",
            "function.zip": "",
            "tests/test_handler.py": "",
            "__pycache__/handler.cpython-311.pyc": "",
        }
    )
    made = project.package()
    assert {name for name in project.names() if ".dist-info" not in name} == {
        "handler.py",
        "rusty/__init__.py",
        "rusty/testing/tests/__init__.py",
        "temporal_lambda/__init__.py",
    }
    files = {reason: tally["files"] for reason, tally in made.dropped.items()}
    assert files == {
        "Rust sources": 4,
        "caches": 1,
        "development tools": 4,
        "hidden files": 1,
        "installer's files": 11,
        "project files": 2,
        "stubs": 3,
        "tests": 3,
    }
    assert made.dropped["Rust sources"]["bytes"] == len("fn main")


def test_globs_take_and_leave_out(project: Project) -> None:
    project.need("data", {"data/__init__.py": "", "data/big.bin": "", "data/types.pyi": ""})
    project.write({"test_data.py": ""})
    project.package(include=["*.pyi", "test_data.py"], exclude=["data/*.bin"])
    names = project.names()
    assert {"data/types.pyi", "test_data.py"} <= names
    assert "data/big.bin" not in names


def test_file_of_the_project_that_hides_one_of_a_dependency_is_named(project: Project) -> None:
    project.need("polite", {"polite.py": "theirs"})
    project.write({"polite.py": "ours = 1"})
    made = project.package()
    assert zipfile.ZipFile(project.zip).read("polite.py") == b"ours = 1"
    assert made.warnings[0] == "polite.py of the project hides the one of a dependency"


def test_same_input_is_the_same_bytes(project: Project, tmp_path: Path) -> None:
    source = "NAMES = {'b', 'a', 'c'}\ndef f(x):\n    return x in {'p', 'q', 'r'}\n"
    project.need("polite", {"polite/__init__.py": source})
    project.write({"b.py": source, "a/__init__.py": source})
    first = project.package(bytecode="require", python=HERE)
    content = project.zip.read_bytes()
    for path in project.path.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    before = os.umask(0o077)
    try:
        second = project.package(bytecode="require", python=HERE)
    finally:
        os.umask(before)
    assert project.zip.read_bytes() == content
    assert first == second
    modes = {i.external_attr >> 16 & 0o777 for i in zipfile.ZipFile(project.zip).infolist()}
    assert modes == {0o644}


def test_report_tells_hash_sizes_and_largest_parts(project: Project) -> None:
    project.need("heavy", {"heavy/data.bin": b"x" * 50_000, "heavy/__init__.py": ""})
    made = project.package()
    digest = hashlib.sha256(project.zip.read_bytes()).digest()
    assert made.code_sha256 == base64.b64encode(digest).decode()
    assert made.zipped_bytes == project.zip.stat().st_size < made.unpacked_bytes
    assert made.unpacked_bytes == sum(i.file_size for i in zipfile.ZipFile(project.zip).infolist())
    assert made.largest[0]["name"] == "heavy"
    assert made.largest[0]["unpacked_bytes"] == 50_000
    assert report.read(project.zip) == made
    assert str(project.path) not in report.report_path(project.zip).read_text()


@pytest.mark.parametrize("python", PYTHONS)
def test_bytecode_is_of_the_runtimes_version_and_never_checked(
    project: Project, python: str
) -> None:
    interpreter = find_interpreter(Target(python, "arm64"), None)
    if interpreter is None:
        pytest.skip(f"no Python {python} on this machine")
    made = project.package(python=python, arch="arm64", bytecode="require")
    assert made.bytecode == {"compiled": 1, "interpreter": interpreter.version, "why_not": None}
    (name,) = (name for name in project.names() if name.endswith(".pyc"))
    assert name == f"__pycache__/handler.cpython-{python.replace('.', '')}.pyc"
    data = zipfile.ZipFile(project.zip).read(name)
    magic = "import importlib.util as u; print(u.MAGIC_NUMBER.hex())"
    assert data[:4].hex() == subprocess.check_output([interpreter.path, "-c", magic], text=True)[:8]
    assert data[4:8] == b"\1\0\0\0", "unchecked, by PEP 552"
    assert b"/var/task/handler.py" in data


def test_source_that_does_not_compile_is_no_obstacle(project: Project) -> None:
    project.need("templates", {"templates/of_python_2.py": "print 'hello'"})
    made = project.package(bytecode="require", python=HERE)
    assert made.bytecode["compiled"] == 1
    assert "templates/of_python_2.py" in project.names()


@pytest.fixture
def no_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bytecode, "_candidates", lambda python: iter(()))


@pytest.mark.usefixtures("no_interpreter")
def test_without_an_interpreter_there_is_a_clear_word(project: Project) -> None:
    made = project.package(bytecode="auto", arch="arm64")
    assert made.bytecode["compiled"] == 0
    (warning,) = (text for text in made.warnings if "compile" in text)
    assert "every cold start will compile the code anew: there is no Python 3.11" in warning
    assert "uv python install 3.11" in warning


@pytest.mark.usefixtures("no_interpreter")
def test_bytecode_can_be_required(project: Project) -> None:
    with pytest.raises(PackageError, match=r"bytecode is required, and there is no Python 3\.11"):
        project.package(bytecode="require")


def test_interpreter_of_another_version_is_refused(project: Project) -> None:
    other = "3.10" if HERE != "3.10" else "3.12"
    with pytest.raises(PackageError, match=f"bytecode for python{other} needs Python {other}"):
        project.package(python=other, bytecode="auto", interpreter=sys.executable)
    with pytest.raises(PackageError, match="no CPython that runs here"):
        project.package(bytecode="auto", interpreter="/bin/false")


VERSIONED = """
from temporalio.common import WorkerDeploymentVersion
from temporal_lambda import run_worker
lambda_handler = run_worker(WorkerDeploymentVersion("greeting", "1.0"), lambda config: None)
"""


@pytest.mark.parametrize("arch", ["x86_64", "arm64"])
def test_report_names_the_worker_deployment_version(project: Project, arch: str) -> None:
    project.write({"handler.py": VERSIONED})
    made = project.package(python=HERE, arch=arch, version=None)
    assert (made.deployment_name, made.build_id) == ("greeting", "1.0")


def test_version_that_cannot_be_asked_is_unknown_with_the_reason(project: Project) -> None:
    project.write({"handler.py": "import nowhere\nlambda_handler = nowhere.handler\n"})
    made = project.package(python=HERE, version=None)
    assert made.build_id is None
    assert made.version_unknown_because
    assert "No module named 'nowhere'" in made.version_unknown_because
    made = project.package(version=Version("greeting", "2.0"))
    assert (made.deployment_name, made.build_id) == ("greeting", "2.0")


def test_code_in_src_is_at_the_root_of_the_zip(project: Project) -> None:
    (project.path / "handler.py").unlink()
    project.write({"src/app/__init__.py": "", "src/app/main.py": HANDLER, "temporal.toml": ""})
    project.package(handler="app.main.lambda_handler")
    assert project.names() == {"app/__init__.py", "app/main.py", "temporal.toml"}


BACKEND = """
import shutil
def build_wheel(directory, config_settings=None, metadata_directory=None):
    return shutil.copy("{wheel}", directory).rpartition("/")[2]
"""


def test_lock_file_comes_first_and_its_workspace_is_built(project: Project, tmp_path: Path) -> None:
    project.need("polite", {"polite.py": ""})
    built = wheel(tmp_path / "built", "library", {"library.py": ""})
    project.write(
        {
            "pyproject.toml": (
                '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.10"\n'
                'dependencies = ["library"]\n'
                '[project.optional-dependencies]\nmanners = ["polite"]\n'
                '[tool.uv.sources]\nlibrary = { path = "library" }\n'
            ),
            "library/pyproject.toml": (
                '[project]\nname = "library"\nversion = "1.0"\nrequires-python = ">=3.10"\n'
                '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
            ),
            "library/backend.py": BACKEND.format(wheel=built),
        }
    )
    subprocess.run([find_uv_bin(), "lock", "--quiet"], cwd=project.path, check=True)
    made = project.package(exclude=["library/*"])
    assert made.requirements == "uv.lock"
    assert made.packages == {"library": "1.0"}
    assert "library.py" in project.names()
    made = project.package(exclude=["library/*"], extras=["manners"])
    assert made.packages == {"library": "1.0", "polite": "1.0"}


def test_extras_need_a_project_that_has_some(project: Project) -> None:
    with pytest.raises(PackageError, match=r"requirements\.txt is a list of requirements"):
        project.package(extras=["manners"])
