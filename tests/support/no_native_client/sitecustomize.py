"""Hides awslambdaric's native client, as on macOS: for a process with this folder on PYTHONPATH."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any


class Blind:
    """Finds what Python's own finder finds, except for the extension module."""

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        return None if name == "runtime_client" else PathFinder.find_spec(name, path, target)


sys.meta_path[:] = [Blind if finder is PathFinder else finder for finder in sys.meta_path]
