"""What is uploaded: the wheel and the source distribution, as they are built."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
SHARED = re.compile(r"[^/]+\.data/data/share/doc/temporal-lambda/")


class Built(NamedTuple):
    """What a build has made.

    Attributes:
        page: What an index shows of the package.
        shared: What the wheel installs beside the package, by its path from the checkout's root.
        sources: The files of the source distribution.
    """

    page: str
    shared: set[str]
    sources: set[str]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        page = message_from_bytes(archive.read(metadata)).get_payload()
    with tarfile.open(sdist) as sources:
        files = {member.name.partition("/")[2] for member in sources if member.isfile()}
    shared = {name[found.end() :] for name in names if (found := SHARED.match(name))}
    return Built(str(page), shared, files)


def test_links_on_an_index_page_lead_somewhere(built: Built) -> None:
    """There is no address at which the checkout's files could be read, so none is linked to."""
    targets = re.findall(r"\]\(([^)]*)\)", built.page)
    assert targets
    assert [target for target in targets if not target.startswith("https://")] == []


def test_files_that_an_index_page_names_come_with_the_package(built: Built) -> None:
    linked = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / "README.md").read_text())
    named = set(re.findall(r"\(`([\w/.-]+\.md)`\)", built.page))
    assert named == set(linked)
    assert named - built.shared == set()
    assert named - built.sources == set()
    assert "share/doc/temporal-lambda" in built.page


def test_links_of_the_installed_pages_lead_to_what_is_installed(built: Built) -> None:
    """To a file, or to a folder of files."""
    pages = [page for page in built.shared if page.endswith(".md")]
    assert len(pages) > 25
    links = {
        (page, os.path.normpath(Path(page).parent / target))
        for page in pages
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / page).read_text())
    }
    folders = {parent.as_posix() for file in built.shared for parent in Path(file).parents}
    assert {(page, link) for page, link in links if link not in built.shared | folders} == set()


def test_nothing_is_installed_that_the_checkout_does_not_have(built: Built) -> None:
    assert {file for file in built.shared if not (ROOT / file).is_file()} == set()
    assert [file for file in built.shared if file.endswith((".pyc", ".zip"))] == []


def test_index_page_shows_no_comments(built: Built) -> None:
    assert "<!--" not in built.page


def test_pages_come_with_their_pictures(built: Built) -> None:
    pages = {path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.*")}
    assert pages - built.shared == set()
    assert pages - built.sources == set()
