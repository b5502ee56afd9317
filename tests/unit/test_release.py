"""``make release-check``: what it tells, when something does not hold."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

from tests import release
from tests.release import Outcome


def archive(path: Path, **files: str) -> Path:
    with zipfile.ZipFile(path, "w") as opened:
        for name, text in files.items():
            opened.writestr(zipfile.ZipInfo(name), text)
    return path


def test_wheels_that_differ_are_told_by_the_files_in_which_they_do(tmp_path: Path) -> None:
    one = archive(tmp_path / "one", both="1", changed="1", left="1")
    two = archive(tmp_path / "two", both="1", changed="2", added="1")
    assert release.differs(one, two).splitlines() == ["added", "changed", "left"]
    assert release.differs(one, archive(tmp_path / "same", both="1", changed="1", left="1")) == ""


@pytest.mark.skipif(
    not (release.ROOT / ".git").exists(), reason="what there is to be is known to git alone"
)
def test_file_that_the_sdist_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "README.md").touch()
    lacking = release.left_out(tmp_path).splitlines()
    assert "tests/extras.py" in lacking
    assert "README.md" not in lacking


def test_check_that_breaks_is_one_that_has_failed(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = release.timed("a check", lambda: str(1 / 0), "3.10")
    assert "ZeroDivisionError" in outcome.broken
    assert "a check, Python 3.10: ZeroDivisionError" in capsys.readouterr().out


def test_what_a_failed_command_said_is_kept() -> None:
    assert release.said("sh", "-c", "echo told; exit 0") == ""
    assert release.said("sh", "-c", "echo told; exit 3") == "told\n"
    assert release.said("sh", "-c", "exit 3") == "sh ended with 3\n"


def test_table_has_a_row_for_each_check_and_a_column_for_each_python(
    capsys: pytest.CaptureFixture[str],
) -> None:
    outcomes = [
        Outcome("wheel", "", "", 1.2),
        Outcome("extra aws", "3.10", "", 10.4),
        Outcome("extra aws", "3.11", "it broke", 0.6),
    ]
    release.show(outcomes, ["3.10", "3.11"])
    rows = [re.split(r"\s{2,}", line.strip()) for line in capsys.readouterr().out.splitlines()]
    assert ["wheel", "ok, 1 s"] in rows
    assert ["3.10", "3.11"] in rows
    assert ["extra aws", "ok, 10 s", "FAILED, 1 s"] in rows
    assert rows[-1] == ["2 of 3 checks have passed"]


def test_changelog_is_of_the_version_of_the_package() -> None:
    assert release.changelog_is_of_another() == ""
