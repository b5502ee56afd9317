"""Hides awslambdaric's native client, as on macOS: for a process with this folder on PYTHONPATH."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any


class Blind(PathFinder):
    """Finds what Python's own finder finds, distributions too, except for the extension module."""

    @classmethod
    def find_spec(cls, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return None if fullname == "runtime_client" else super().find_spec(fullname, path, target)


sys.meta_path[:] = [Blind if finder is PathFinder else finder for finder in sys.meta_path]
