"""Looks through the built site for what a reader would stumble over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {("img", "src"), ("script", "src"), ("link", "href"), ("source", "src"), ("iframe", "src")}
"""What a browser fetches to show a page."""

UNRENDERED = re.compile(r"^(?:[-*] |1\. |:::|\|)", re.MULTILINE)
"""Markdown that begins a line in a paragraph: a list, a directive or a table that is none."""


@dataclass
class Reader(HTMLParser):
    """What a page has that others may refer to, and what it refers to.

    Attributes:
        anchors: The ids on the page.
        links: Tag, attribute and address of each reference.
        paragraphs: The texts of its paragraphs, with ``<>`` for each tag in them.
    """

    anchors: set[str] = field(default_factory=set)
    links: list[tuple[str, str, str]] = field(default_factory=list)
    paragraphs: list[str] = field(default_factory=list)
    _in_paragraph: bool = False

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See base class."""
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            elif name in ("href", "src") and value:
                self.links.append((tag, name, value))
        if tag == "p":
            self._in_paragraph = True
            self.paragraphs.append("")
        elif self._in_paragraph:
            self.paragraphs[-1] += "<>"  # So that what is in a tag does not begin a line.

    def handle_endtag(self, tag: str) -> None:
        """See base class."""
        if tag == "p":
            self._in_paragraph = False

    def handle_data(self, data: str) -> None:
        """See base class."""
        if self._in_paragraph:
            self.paragraphs[-1] += data


def problems_of(site: Path) -> Iterator[str]:
    """Links that lead nowhere, what would be fetched from elsewhere, and Markdown that is none."""
    pages = {}
    for path in sorted(site.rglob("*.html")):
        if path.name != "404.html":  # Served for any address, so that its links are absolute.
            pages[path] = reader = Reader()
            reader.feed(path.read_text())
    for path, reader in pages.items():
        name = path.relative_to(site).as_posix()
        for tag, attribute, address in reader.links:
            if why := _what_is_wrong(path, tag, attribute, address, pages):
                yield f"{name}: {address} {why}"
        for paragraph in reader.paragraphs:
            if UNRENDERED.search(paragraph):
                yield f"{name}: shows Markdown as it is: {_line_of(paragraph)!r}"


def _line_of(paragraph: str) -> str:
    found = UNRENDERED.search(paragraph)
    return paragraph[found.start() :].partition("\n")[0] if found else ""


def _what_is_wrong(
    path: Path, tag: str, attribute: str, address: str, pages: dict[Path, Reader]
) -> str | None:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        is_loaded = (tag, attribute) in LOADED and parts.scheme != "data"
        return "would be fetched from elsewhere" if is_loaded else None
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    if not target.is_file():
        return "leads nowhere"
    if parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
        return "leads to no such heading"
    return None
