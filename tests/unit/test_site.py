"""The documents as a site."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from html.parser import HTMLParser
from pathlib import Path

import click
import pytest
from watchfiles import Change

import docs_site
from docs_site import html_check
from docs_site.docstrings import as_markdown
from docs_site.face_pages import FACES, Face
from docs_site.pages import Pages, collect, place, with_links_of_the_site
from docs_site.serving import Page
from docs_site.site import CONFIGURATION, build, misplaced, why_not_here
from temporal_lambda.cli import COMMANDS, main
from temporal_lambda.settings.table import SETTINGS
from tests.support.documents import ROOT


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built without a warning, a link that leads nowhere, or a page out of the way."""
    folder = tmp_path_factory.mktemp("site")
    problems = build(folder)
    assert problems == [], "\n".join(problems)
    return folder / "html"


def anchors(page: Path) -> set[str]:
    reader = html_check.Reader()
    reader.feed(page.read_text())
    return reader.anchors


class Text(HTMLParser):
    """The text of a page, its tags left out."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.text = ""
        self.feed(page.read_text())

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("face", FACES, ids=lambda face: face.module)
def test_every_public_name_is_in_the_reference(site: Path, face: Face) -> None:
    names = {f"{face.module}.{name}" for name in face.names}
    assert names
    assert names - anchors((site / face.page).with_suffix(".html")) == set()


def test_every_face_of_the_package_has_a_page() -> None:
    faces = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "temporal_lambda").rglob("__init__.py")
        if "\n__all__ = " in path.read_text()
    }
    assert faces - {face.module for face in FACES} == set()


def test_every_option_of_every_command_is_in_the_reference(site: Path) -> None:
    text = Text(site / "reference" / "commands.html").text
    missing = [
        f"{name} {option}"
        for name in COMMANDS
        for command in [main.get_command(click.Context(main), name)]
        if command
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if isinstance(parameter, click.Option) and option not in text
    ]
    assert missing == []
    assert set(COMMANDS) - anchors(site / "reference" / "commands.html") == set()


def test_every_setting_is_in_the_reference(site: Path) -> None:
    text = Text(site / "settings.html").text
    assert [name for name in SETTINGS if name not in text] == []


def test_start_page_names_every_page() -> None:
    text = (ROOT / "docs" / "index.md").read_text()
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert pages - set(re.findall(r"\]\(([\w-]+\.md)\)", text)) == set()


def test_page_that_the_navigation_leaves_out_is_told() -> None:
    pages = Pages({"here.md": "", "lost.md": "", "source/handler.py.md": ""})
    told = list(misplaced(pages, ["here.md", "gone.md", "here.md"]))
    assert [line.partition(": ")[2] for line in told] == [
        "nav leaves out lost.md",
        "nav names gone.md, which is not there",
        "nav names here.md twice",
    ]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="gone.html">x</a>', "gone.html leads nowhere"),
        ('<a href="other.html#gone">x</a>', "other.html#gone leads to no such heading"),
        ('<a href="#gone">x</a>', "#gone leads to no such heading"),
        ('<img src="gone.svg">', "gone.svg leads nowhere"),
        (
            '<script src="https://example.com/x.js"></script>',
            "https://example.com/x.js would be fetched from elsewhere",
        ),
        ("<p>So:\n- one\n- two</p>", "shows Markdown as it is: '- one'"),
    ],
)
def test_what_a_reader_would_stumble_over_is_told(tmp_path: Path, body: str, problem: str) -> None:
    (tmp_path / "other.html").write_text('<h2 id="there">There</h2>')
    (tmp_path / "page.html").write_text(body)
    assert list(html_check.problems_of(tmp_path)) == [f"page.html: {problem}"]


def test_good_links_are_left_in_peace(tmp_path: Path) -> None:
    (tmp_path / "other.html").write_text('<h2 id="there">There</h2>')
    body = '<a href="other.html#there">x</a> <a href="https://example.com">y</a>'
    (tmp_path / "page.html").write_text(body)
    assert list(html_check.problems_of(tmp_path)) == []


def test_links_to_files_that_are_no_pages_lead_to_their_source() -> None:
    quoted: set[str] = set()
    text = (
        "[a](../examples/greeting/handler.py), [b](local.md#x), [c](../SECURITY.md), [d](gone.py)"
    )
    assert with_links_of_the_site("docs/deploy.md", text, quoted) == (
        "[a](source/examples/greeting/handler.py.md), [b](local.md#x), [c](reporting.md), "
        "[d](gone.py)"
    )
    assert quoted == {"examples/greeting/handler.py"}
    assert place("README.md") == "overview.md"


def test_site_is_made_anew_when_a_page_changes_wherever_that_lies() -> None:
    page = Page(collect().sources)
    for path in (
        *("docs/local.md", "docs/trace.svg", "docs/a_new_one.md"),
        *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"),
        *("examples/dagster/shop.py", CONFIGURATION),
    ):
        assert page(Change.modified, str(ROOT / path)), path
    for path in ("pyproject.toml", "tests/release.py", "docs/.local.md.swp"):
        assert not page(Change.modified, str(ROOT / path)), path


def test_python_that_cannot_make_the_site_is_told_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert why_not_here() == ""
    monkeypatch.setattr("docs_site.site.find_spec", lambda name: None)
    assert "needs Python 3.11 or later" in why_not_here()
    assert "make docs PYTHON=python3.11 VENV=.venvs/site" in why_not_here()


def test_marks_of_sphinx_become_markdown() -> None:
    docstring = "See :py:class:`Plan`, in a file::\n\n    x\n\nExample:\n    >>> 1\n    1"
    assert (
        as_markdown(docstring) == "See `Plan`, in a file:\n\n    x\n\nExamples:\n    >>> 1\n    1"
    )


def test_pages_that_docstrings_name_are_links() -> None:
    assert as_markdown("See docs/local.md.") == "See [local.md](../local.md)."


def test_examples_in_docstrings_of_its_builder_run() -> None:
    for module in pkgutil.iter_modules(docs_site.__path__, "docs_site."):
        if not module.name.endswith("__main__"):
            assert doctest.testmod(importlib.import_module(module.name)).failed == 0
