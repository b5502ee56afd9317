"""Packaging: what is refused, and in which words."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from temporal_lambda.cli import main
from temporal_lambda.deploy.errors import PackageError
from temporal_lambda.deploy.packaging import refusals, report
from temporal_lambda.deploy.packaging.target import Target
from tests.unit.deploy.projects import AWS_KEY, PEM, TOKEN, Project, elf

X86, ARM = 0x3E, 0xB7


def test_package_without_a_wheel_for_the_platform_is_refused(project: Project) -> None:
    project.need("native", {"native.py": ""}, tag="cp311-cp311-macosx_11_0_arm64")
    with pytest.raises(PackageError) as caught:
        project.package()
    text = str(caught.value)
    assert "something has no wheel for python3.11 on x86_64" in text
    assert "native" in text
    assert "UV_FIND_LINKS" in text


def test_package_that_does_not_exist_is_refused_in_uvs_words(project: Project) -> None:
    project.write({"requirements.txt": "nowhere"})
    with pytest.raises(PackageError, match="nowhere was not found"):
        project.package()


def test_project_that_says_nowhere_what_it_needs_is_refused(project: Project) -> None:
    (project.path / "requirements.txt").unlink()
    with pytest.raises(PackageError, match=r"says nowhere what the function needs: add a uv\.lock"):
        project.package()


def test_more_than_lambda_unpacks_is_refused_with_the_largest_part(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.need("heavy", {"heavy.bin": b"x" * 2_000_000})
    monkeypatch.setattr(refusals, "UNPACKED_LIMIT", 1_000_000)  # The real one takes 250 MB of disk.
    with pytest.raises(PackageError, match=r"2 MB unpacked are more .* are heavy\.bin 2 MB"):
        project.package()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("fast.so", elf(ARM), "fast.so is for arm64"),
        ("tool", elf(ARM), "tool is for arm64"),
        ("fast.so", elf(0xF3), "fast.so is for machine 243"),
        ("fast.so", b"\xcf\xfa\xed\xfe" + b"\0" * 20, "fast.so is for macOS"),
        ("fast.pyd", b"MZ" + b"\0" * 20, "fast.pyd is for Windows"),
        ("f.cpython-310-x86_64-linux-gnu.so", elf(X86), "is for Python 3.10"),
    ],
)
def test_library_for_another_machine_is_refused(
    project: Project, name: str, content: bytes, reason: str
) -> None:
    project.write({name: content})
    with pytest.raises(PackageError, match=f"python3.11 on x86_64 can't load: .*{reason}"):
        project.package()
    project.package(exclude=[name])


def test_library_for_this_machine_is_not(project: Project) -> None:
    project.write({"fast.so": elf(X86), "f.cpython-311-x86_64-linux-gnu.so": elf(X86)})
    project.package()


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("client.key", PEM, "client.key, line 1 (a private key)"),
        ("a.py", "\nKEY = '" + PEM.replace("\n", "\\n") + "'", "a.py, line 2 (a private key)"),
        ("client.pem", PEM.replace("BEGIN", "BEGIN RSA"), "client.pem, line 1 (a private key)"),
        ("client.p12", b"\x30\x82", "client.p12 (a key store)"),
        ("settings.json", f'{{\n"key": "{TOKEN}"}}', "settings.json, line 2 (an API key)"),
        ("a.py", f"KEY = '{AWS_KEY}'", "a.py, line 1 (an AWS access key)"),
        (
            "temporal.toml",
            '[profile.prod]\napi_key = "s3cr3t-value"',
            "temporal.toml, [profile.prod] api_key (a credential)",
        ),
        (
            "other.toml",
            '[profile.prod.grpc_meta]\nAuthorization = "s3cr3t-value"',
            "other.toml, [profile.prod.grpc_meta] authorization (a credential)",
        ),
        (
            "temporal.toml",
            '[profile.prod.tls]\nclient_key_data = "s3cr3t-value"',
            "temporal.toml, [profile.prod.tls] client_key_data (a credential)",
        ),
    ],
)
def test_credential_in_the_zip_is_refused_and_not_quoted(
    project: Project, name: str, content: str | bytes, found: str
) -> None:
    project.write({name: content})
    with pytest.raises(PackageError) as caught:
        project.package()
    assert found in str(caught.value)
    (warning,) = (w for w in project.package(allow_secrets=True).warnings if "credentials" in w)
    assert found in warning
    for text in (str(caught.value), report.report_path(project.zip).read_text()):
        for secret in ("MIIE", TOKEN[:20], AWS_KEY, "s3cr3t-value"):
            assert secret not in text


def test_private_key_in_a_dependency_is_refused_and_a_mention_of_one_is_not(
    project: Project,
) -> None:
    project.need("crypto", {"crypto.py": "HEAD = '-----BEGIN PRIVATE KEY-----'\n", "doc": TOKEN})
    project.package()
    project.need("sample", {"sample/key.pem": PEM})
    with pytest.raises(PackageError, match=r"sample/key\.pem, line 1"):
        project.package()


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        ("handler", "must be module.attribute"),
        ("other.lambda_handler", "there is no other.py and no directory other in"),
        ("app.main.lambda_handler", "there is no app/main.py"),
        ("handler.nothing", "handler.py has no 'nothing'"),
        ("handler.inner", "handler.py has no 'inner'"),
        ("broken.lambda_handler", "broken.py, line 2"),
    ],
)
def test_handler_that_is_not_in_the_zip_is_refused(
    project: Project, handler: str, message: str
) -> None:
    project.write(
        {
            "handler.py": "def lambda_handler(event, context):\n    inner = 1\n",
            "app/__init__.py": "",
            "broken.py": "\ndef lambda_handler(:\n",
        }
    )
    with pytest.raises(PackageError) as caught:
        project.package(handler=handler)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "from app import lambda_handler",
        "from app import run as lambda_handler",
        "from app import *",
        "if True:\n    lambda_handler = None",
        "try:\n    import fast\nexcept ImportError:\n    lambda_handler: object = None",
        "def __getattr__(name): ...",
        "async def lambda_handler(event, context): ...",
    ],
)
def test_handler_may_be_bound_in_any_way(tmp_path: Path, source: str) -> None:
    (tmp_path / "handler.py").write_text(source)
    assert refusals.find_handler(tmp_path, "handler.lambda_handler").name == "handler.py"


def test_symbolic_link_out_of_the_project_is_refused(project: Project, tmp_path: Path) -> None:
    (tmp_path / "outside.py").write_text("")
    (project.path / "link.py").symlink_to(tmp_path / "outside.py")
    with pytest.raises(PackageError, match=r"link\.py is a symbolic link to .*--exclude"):
        project.package()
    project.package(exclude=["link.py"])
    (project.path / "folder").symlink_to(tmp_path)
    with pytest.raises(PackageError, match="folder is a symbolic link"):
        project.package(exclude=["link.py"])


def test_symbolic_link_inside_the_project_is_what_it_stands_for(project: Project) -> None:
    (project.path / "alias.py").symlink_to(project.path / "handler.py")
    project.package()
    assert "alias.py" in project.names()


def test_refusal_leaves_the_last_zip_as_it_was(project: Project) -> None:
    project.package()
    before = project.zip.read_bytes(), report.read(project.zip)
    project.write({"client.key": PEM})
    with pytest.raises(PackageError):
        project.package()
    assert (project.zip.read_bytes(), report.read(project.zip)) == before


def test_zip_without_its_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match=r"f\.zip\.json is missing.*temporal-lambda package"):
        report.read(tmp_path / "f.zip")
    (tmp_path / "f.zip.json").write_text('{"zip": 1}')
    with pytest.raises(PackageError, match="is not a report of"):
        report.read(tmp_path / "f.zip")


def test_target_is_one_of_lambdas() -> None:
    with pytest.raises(PackageError, match=r"Python '3\.9' .* choose 3\.10"):
        Target("3.9", "arm64")
    with pytest.raises(PackageError, match="choose x86_64 or arm64"):
        Target("3.13", "riscv")


def run(project: Project, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(
        main, ["package", str(project.path), "-o", str(project.zip), *arguments]
    )
    return result.exit_code, result.output


def test_command_prints_a_summary_or_json(project: Project) -> None:
    code, output = run(project, "--bytecode", "off", "--build-id", "7", "--deployment-name", "g")
    assert code == 0
    assert "version   g, build 7\n" in output
    assert "bytecode  none: it was switched off\n" in output
    code, output = run(project, "--json", "--build-id", "7", "--deployment-name", "g")
    assert code == 0
    assert '"build_id": "7"' in output


def test_command_says_no_in_one_line(project: Project) -> None:
    code, output = run(project, "--handler", "nowhere.handler")
    assert code == 1
    assert output.startswith("Error: handler 'nowhere.handler' isn't in the zip")
    code, output = run(project, "--build-id", "7")
    assert code == 2
    assert "are given together" in output
    code, output = run(project, "--python", "2.7")
    assert code == 2
