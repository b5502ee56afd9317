"""The reference of the package: a page for each module that users import, made from docstrings."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

PACKAGE = Path(__file__).parents[1] / "temporal_lambda"


class Face(NamedTuple):
    """A module that users import.

    Attributes:
        module: Its name.
        page: Where its page is in the site.
    """

    module: str
    page: str

    @property
    def names(self) -> list[str]:
        """Its public names: what ``__all__`` lists, or else the classes that it defines."""
        tree = ast.parse(_file(self.module).read_text())
        for statement in tree.body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
                return list(ast.literal_eval(statement.value))
        classes = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
        return [name for name in classes if not name.startswith("_")]


FACES = tuple(
    Face(module, f"reference/{module.replace('.', '-')}.md")
    for module in (
        "temporal_lambda",
        "temporal_lambda.errors",
        "temporal_lambda.otel",
        "temporal_lambda.aws",
        "temporal_lambda.local",
        "temporal_lambda.testing",
        "temporal_lambda.worker_deployment",
        "temporal_lambda.dagster",
        "temporal_lambda.dagster.launcher",
        "temporal_lambda.dagster.cloud",
    )
)


def face_pages() -> dict[str, str]:
    """The pages, in the directives of mkdocstrings, which fills in the rest."""
    return {face.page: _page(face) for face in FACES}


def _page(face: Face) -> str:
    introduction = (
        f"::: {face.module}\n    options:\n"
        "      members: []\n      show_root_heading: false\n      show_root_toc_entry: false"
    )
    names = [f"::: {face.module}.{name}" for name in face.names]
    return "\n\n".join([f"# {face.module}", introduction, *names]) + "\n"


def _file(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
