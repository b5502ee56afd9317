"""The example as a zip, in a directory that it may not write, as another user."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from bench import readonly
from temporal_lambda.deploy.packaging.report import Report


def test_zip_is_small_and_complete(packaged: tuple[Path, Report]) -> None:
    path, report = packaged
    assert (report.deployment_name, report.build_id) == ("greeting", "1.0")
    assert report.bytecode["compiled"] > 500
    assert report.unpacked_bytes < 52_000_000, "54 MB as uv installs them"
    # What it is compared with is in the benchmark; this notices a part that should not be there.
    assert report.zipped_bytes < 15_500_000
    names = zipfile.ZipFile(path).namelist()
    assert not [name for name in names if name.endswith((".rs", ".pyi", ".proto"))]
    assert [name for name in names if name.startswith("temporalio-") and "LICENSE" in name]


@pytest.mark.skipif(
    not readonly.can_be_another_user(), reason="becoming another user takes root and setpriv"
)
def test_zip_runs_as_a_user_who_may_not_write(
    packaged: tuple[Path, Report], tmp_path: Path
) -> None:
    path, _ = packaged
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    code = tmp_path / "task"
    readonly.unpack(path, code)
    before = {file: file.stat().st_mtime_ns for file in code.rglob("*")}
    (record,) = readonly.invoke(code, 1)
    # Imported, run, and as far as a server that is not there.
    assert "ConnectError" in record["error"], record
    assert {file: file.stat().st_mtime_ns for file in code.rglob("*")} == before
