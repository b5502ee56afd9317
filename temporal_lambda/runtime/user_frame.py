"""Where a thread or a coroutine is: in the user's own code, and at all."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
import sysconfig
import traceback
from collections.abc import Awaitable, Coroutine, Iterable
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any

OWN = Path(__file__).parents[1]
STANDARD = Path(sysconfig.get_paths()["stdlib"])
LIBRARIES = tuple(
    Path(path)
    for name in ("stdlib", "platstdlib", "purelib", "platlib")
    if (path := sysconfig.get_paths().get(name))
)


def where_thread_is(ident: int | None) -> str:
    """Where a thread is right now; see :py:func:`describe`.

    Args:
        ident: The thread's identifier, ``None`` if it has not begun.
    """
    # A documented function of the standard library in spite of its name.
    frame = sys._current_frames().get(ident or 0)
    return describe(traceback.extract_stack(frame)) if frame else "nowhere"


def where_coroutine_is(coroutine: Coroutine[Any, Any, Any]) -> str:
    """What a coroutine awaits right now; see :py:func:`describe`."""
    summaries = [traceback.extract_stack(frame, limit=1)[0] for frame in _frames_of(coroutine)]
    return describe(summaries) if summaries else "nowhere"


def is_users_coroutine(coroutine: Any) -> bool:
    """Whether a coroutine is the user's own, if need be within one of the standard library."""
    files = (frame.f_code.co_filename for frame in _frames_of(coroutine))
    outermost = next((file for file in files if not _is_standard(Path(file))), None)
    return outermost is not None and _is_users(outermost)


def _frames_of(coroutine: Any) -> list[FrameType]:
    """Those of a coroutine and what it awaits, the outermost first."""
    frames: list[FrameType] = []
    awaited = coroutine
    while frame := getattr(awaited, "cr_frame", None) or getattr(awaited, "ag_frame", None):
        frames.append(frame)
        awaited = _awaited_by(awaited)
    return frames


def _awaited_by(awaited: Any) -> Any:
    found = getattr(awaited, "cr_await", None) or getattr(awaited, "ag_await", None)
    if isinstance(found, Awaitable) and not inspect.iscoroutine(found):
        # ``anext(generator)`` and the iterator of a task do not say what they wait for.
        for behind in gc.get_referents(found):
            if inspect.isasyncgen(behind):
                return behind
            if isinstance(behind, asyncio.Task):
                return behind.get_coro()
    return found


def describe(stack: Iterable[traceback.FrameSummary]) -> str:
    """Name the innermost frame of the user's code, and the innermost frame at all.

    Args:
        stack: Frames, the outermost first.

    Returns:
        ``file:line in function``, the user's frame first where there is one.

    Example:
        >>> import socket
        >>> describe([
        ...     traceback.FrameSummary("/var/task/app.py", 7, "fetch"),
        ...     traceback.FrameSummary(socket.__file__, 706, "readinto"),
        ... ]).replace(socket.__file__, "socket.py")
        '/var/task/app.py:7 in fetch (in socket.py:706 in readinto)'
    """
    frames = list(stack)
    innermost = _name(frames[-1])
    users = next((_name(frame) for frame in reversed(frames) if _is_users(frame.filename)), None)
    return innermost if users in (None, innermost) else f"{users} (in {innermost})"


def _name(frame: traceback.FrameSummary) -> str:
    return f"{frame.filename}:{frame.lineno} in {frame.name}"


def _is_standard(path: Path) -> bool:
    """Whether a file is of the standard library, below which packages may be installed."""
    return STANDARD in path.parents and not {"site-packages", "dist-packages"} & {*path.parts}


def _is_users(filename: str) -> bool:
    path = Path(filename)
    if filename.startswith("<") or OWN in path.parents:
        return False
    if "site-packages" in path.parts or "dist-packages" in path.parts:
        return False
    if any(library in path.parents for library in LIBRARIES):
        return False
    return not _is_installed_beside(path)


def _is_installed_beside(path: Path) -> bool:
    """Whether a file is of a package that was installed next to the user's code.

    A Lambda function's dependencies lie in the same folder as its handler, or in a layer.
    """
    for entry in map(Path, sys.path):
        if entry in path.parents:
            return path.relative_to(entry).parts[0] in _installed(entry)
    return False


@lru_cache
def _installed(entry: Path) -> frozenset[str]:
    """The first parts of all paths that installers have put into a folder."""
    found = set()
    for metadata in entry.glob("*.dist-info"):
        # A package that was made small may have left the record out; its name is then the best
        # guess.
        found.add(metadata.name.partition("-")[0].lower())
        for name in ("RECORD", "top_level.txt"):
            try:
                lines = (metadata / name).read_text(errors="replace").splitlines()
            except OSError:
                continue
            found |= {line.partition(",")[0].partition("/")[0] for line in lines}
    return frozenset(found)
