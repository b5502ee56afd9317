"""Turns the few marks of Sphinx in docstrings into Markdown, when the reference is made."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

ROLE = re.compile(r":py:\w+:`~?(?P<name>[\w.]+)`")
LITERAL = re.compile(r"::$", re.MULTILINE)
PAGE = re.compile(r"\bdocs/(?P<page>[\w-]+\.md)")
EXAMPLE = re.compile(r"^Example:$", re.MULTILINE)


def as_markdown(docstring: str) -> str:
    """A docstring without Sphinx's marks; an example is a section of its own, a page a link.

    Example:
        >>> as_markdown("See :py:func:`describe`, in a file::")
        'See `describe`, in a file:'
    """
    text = PAGE.sub(r"[\g<page>](../\g<page>)", ROLE.sub(r"`\g<name>`", docstring))
    return EXAMPLE.sub("Examples:", LITERAL.sub(":", text))


class MarkdownDocstrings(Extension):
    """griffe calls it with each module, class, function and attribute that it has read."""

    def on_instance(self, *, obj: Object, **_: Any) -> None:
        """See base class."""
        if obj.docstring:
            obj.docstring.value = as_markdown(obj.docstring.value)
