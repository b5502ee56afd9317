"""Watches the source of a function, in a thread, so that the event loop is never blocked."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from watchfiles import Change, DefaultFilter, watch

from temporal_lambda.local.errors import LocalStackError

SUFFIXES = (".py", ".toml")
"""What the source of a function is made of."""

MAX_FOLDERS = 5_000
"""Folders watched at most; each takes a watch of the system's, which are limited (inotify)."""

CHECK_MS = 1_000
"""Milliseconds after which the wait for changes looks whether it is to stop."""


def watch_source(code: Path, changed: Callable[[], None], stop: threading.Event) -> None:
    """Call back when the source has changed, until told to stop; blocks, so give it a thread.

    Args:
        code: The folder with the source.
        changed: Called in this thread after each change, or several at once.
        stop: Ends the watch.

    Raises:
        LocalStackError: There are too many folders.
        OSError: The system can't watch them.
    """
    while not stop.is_set():
        folders = source_folders(code)
        if not folders:
            raise FileNotFoundError(f"{code} is no folder that can be read")
        if len(folders) > MAX_FOLDERS:
            raise LocalStackError(
                f"{code} has more than {MAX_FOLDERS} folders; start from one with less in it"
            )
        try:
            _watch_folders(folders, changed, stop)
        except FileNotFoundError:
            # A folder went away in between; that the whole source did is an error.
            if not code.is_dir():
                raise


def source_folders(code: Path) -> list[Path]:
    """The folders to watch: the code's own, without links, virtual environments and caches.

    Args:
        code: The folder with the source.

    Returns:
        Readable folders, ``code`` first; one more than ``MAX_FOLDERS`` at most.
    """
    return [folder for folder, _ in itertools.islice(_walk(code), MAX_FOLDERS + 1)]


def _watch_folders(folders: list[Path], changed: Callable[[], None], stop: threading.Event) -> None:
    """Watch these folders until there are others to watch."""
    watched = set(map(str, folders))

    def matters(change: Change, path: str) -> bool:
        return path.endswith(SUFFIXES) or path in watched or _is_new_folder(change, path)

    for changes in watch(
        *folders,
        watch_filter=matters,
        recursive=False,
        stop_event=stop,
        rust_timeout=CHECK_MS,
        raise_interrupt=False,
    ):
        new = [path for change, path in changes if _is_new_folder(change, path)]
        if any(path.endswith(SUFFIXES) for _, path in changes) or any(map(_has_source, new)):
            changed()
        if new or any(change is Change.deleted and path in watched for change, path in changes):
            return


def _is_new_folder(change: Change, path: str) -> bool:
    return change is Change.added and os.path.isdir(path) and not _is_ignored(path)


def _has_source(folder: str) -> bool:
    return any(name.endswith(SUFFIXES) for _, files in _walk(Path(folder)) for name in files)


def _is_ignored(path: str) -> bool:
    return os.path.basename(path) in DefaultFilter.ignore_dirs or os.path.islink(path)


def _walk(code: Path) -> Iterator[tuple[Path, list[str]]]:
    for folder, subfolders, files in os.walk(code, followlinks=False):
        if "pyvenv.cfg" in files or not os.access(folder, os.R_OK | os.X_OK):
            # A virtual environment is one by this file, whatever its name.
            subfolders.clear()
            continue
        subfolders[:] = [name for name in subfolders if not _is_ignored(os.path.join(folder, name))]
        yield Path(folder), files
