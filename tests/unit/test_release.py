"""``make release-check``: what it tells, when something does not hold."""

from __future__ import annotations

import doctest
import re
import shutil
import zipfile
from pathlib import Path

import pytest

from temporal_lambda import __version__
from tests import release
from tests.release import Outcome
from tests.support.checkout import WHEEL, adapt
from tests.support.documents import blocks


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
    not (release.ROOT / ".git").exists() or not shutil.which("git"),
    reason="what there is to be is known to git alone, which is not here",
)
@pytest.mark.parametrize("of_another_user", ["0", "1"])
def test_file_that_the_sdist_lacks_is_named(
    of_another_user: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What git's own tests use: "1" makes it take the checkout for one of another user's.
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", of_another_user)
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


@pytest.mark.parametrize("document", sorted(release.FOLLOWED))
def test_wheel_to_release_takes_the_place_of_the_one_that_a_document_builds(
    document: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "".join(
        block.text
        for block in blocks(release.ROOT / document)
        if block.language == "sh" and block.test == release.FOLLOWED[document]
    )
    monkeypatch.setenv(WHEEL, "/dist/this.whl")
    assert 'cp "/dist/this.whl" dist/' in adapt(text)
    assert "borrowed" not in adapt(text)
    monkeypatch.delenv(WHEEL)
    assert "pip wheel" in adapt(text)
    assert adapt(text).count("borrowed") == 1


def test_document_that_builds_the_wheel_in_other_words_is_not_followed_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(WHEEL, "/dist/this.whl")
    with pytest.raises(AssertionError, match="pip wheel here"):
        adapt("pip wheel here\n")


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


def test_changelog_begins_with_the_version_of_the_package() -> None:
    """Its date is there once it is released, which ``make release-check`` looks at."""
    changelog = (release.ROOT / "CHANGELOG.md").read_text()
    dated = changelog.replace(" (unreleased)", " (2026-12-01)", 1)
    assert release.wrong_heading(dated, __version__) == ""


@pytest.mark.parametrize(
    "heading",
    ["## 1.0.0 (unreleased)", "## 1.0.0", "## 0.9.0 (2026-12-01)", "## 1.0.0 (2026-13-01)", ""],
)
def test_release_whose_changelog_lacks_its_version_or_date_is_not_ready(heading: str) -> None:
    wrong = release.wrong_heading(f"# Changelog\n\n{heading}\n\n## 0.8.0 (2025-01-01)\n", "1.0.0")
    begins_with = heading or "## 0.8.0 (2025-01-01)"
    assert wrong.startswith(
        f"CHANGELOG.md begins with {begins_with!r}; a release needs '## 1.0.0 (YYYY-MM-DD)'"
    )


def test_release_whose_changelog_has_its_version_and_date_is_ready() -> None:
    assert release.wrong_heading("# Changelog\n\n## 1.0.0 (2026-12-01)\n", "1.0.0") == ""
    assert doctest.testmod(release).failed == 0
