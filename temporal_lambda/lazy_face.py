"""Public names of a package that load their modules only when they are used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from typing import Any


def lazy_face(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Make a package's ``__getattr__`` (PEP 562).

    Args:
        package: The package's ``__name__``.
        homes: Public name -> the module that defines it.

    Returns:
        A function that imports a name's module and returns the name's value, which it also keeps in
        the package. It raises AttributeError for any other name.

    Example:
        >>> lazy_face("temporal_lambda", {"tau": "math"})("tau")
        6.283185307179586
    """

    def load(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(homes[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return load
