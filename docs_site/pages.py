"""The pages of the site, by the path that each has there."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from docs_site.command_pages import command_pages
from docs_site.face_pages import face_pages

ROOT = Path(__file__).parents[1]

AT_THE_ROOT = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "overview.md",
    "SECURITY.md": "reporting.md",
}
"""Pages that lie at the repository's root, where hosts of repositories look for them."""

LINK = re.compile(r"(?<=\]\()(?!https?:|#)[^)#\s]+")

LANGUAGES = {".py": "python", ".yaml": "yaml", ".json": "json", ".tf": "terraform"}


@dataclass
class Pages:
    """Markdown pages, and the files that lie beside them.

    Attributes:
        texts: The text of each page, by its path in the site.
        files: Pictures, by their path in the site.
        sources: The files that were read for them, but for the modules in the reference.
    """

    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    sources: set[Path] = field(default_factory=set)

    def write(self, folder: Path) -> None:
        """Write what has changed, and delete what is no longer there."""
        wanted = {
            **{path: text.encode() for path, text in self.texts.items()},
            **{path: file.read_bytes() for path, file in self.files.items()},
        }
        for file in sorted(folder.rglob("*")):
            if file.is_file() and file.relative_to(folder).as_posix() not in wanted:
                file.unlink()
        for path, content in wanted.items():
            file = folder / path
            if not file.is_file() or file.read_bytes() != content:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(content)


def collect() -> Pages:
    """All pages: those that are written by hand, those made from the code, quoted sources."""
    pages = Pages()
    quoted: set[str] = set()
    by_hand = [path for path in sorted((ROOT / "docs").rglob("*")) if path.is_file()]
    by_hand += [ROOT / name for name in AT_THE_ROOT]
    for path in by_hand:
        name = path.relative_to(ROOT).as_posix()
        if path.suffix == ".md":
            pages.texts[place(name)] = with_links_of_the_site(name, path.read_text(), quoted)
        else:
            pages.files[place(name)] = path
    pages.sources.update(by_hand)
    for name in sorted(quoted):
        pages.texts |= source_pages(name)
        path = ROOT / name
        below = files_below(path) if path.is_dir() else [""]
        pages.sources.update(path / file for file in below)
    pages.texts |= {**face_pages(), **command_pages()}
    return pages


def place(name: str) -> str:
    """Where a file of the repository is in the site.

    Example:
        >>> place("docs/local.md"), place("SECURITY.md"), place("examples/greeting/handler.py")
        ('local.md', 'reporting.md', 'source/examples/greeting/handler.py.md')
    """
    if name in AT_THE_ROOT:
        return AT_THE_ROOT[name]
    if name.startswith("docs/"):
        return name.removeprefix("docs/")
    return f"source/{name}.md"


def with_links_of_the_site(name: str, text: str, quoted: set[str]) -> str:
    """A page whose links to other files lead to where these are in the site.

    Args:
        name: The page's path in the repository.
        text: Its text.
        quoted: Gets the files and folders that are linked to and no pages themselves.
    """
    here = posixpath.dirname(place(name))

    def replace(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(name), match[0]))
        if not (ROOT / target).exists():
            return match[0]  # The build tells.
        if place(target).startswith("source/"):
            quoted.add(target)
        return posixpath.relpath(place(target), here or ".")

    return LINK.sub(replace, text)


def source_pages(name: str) -> dict[str, str]:
    """The page of a source file that other pages link to; of a folder, those of its files too."""
    path = ROOT / name
    if path.is_dir():
        files = list(files_below(path))
        links = "\n".join(
            f"- [{file}]({posixpath.relpath(place(f'{name}/{file}'), f'source/{name}/..')})"
            for file in files
        )
        listing = {place(name): f"# {name}\n\n{links}\n"}
        return {k: v for file in files for k, v in source_pages(f"{name}/{file}").items()} | listing
    fence = "`" * 8
    text = path.read_text()
    language = LANGUAGES.get(path.suffix, "text")
    return {place(name): f"# {name}\n\n{fence}{language}\n{text.rstrip()}\n{fence}\n"}


def files_below(folder: Path) -> Iterator[str]:
    """The files of a folder, by their path in it."""
    for directory, names, files in os.walk(folder):
        names[:] = sorted(name for name in names if name != "__pycache__")
        for file in sorted(files):
            yield Path(directory, file).relative_to(folder).as_posix()
