"""Serves the site while its pages are written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from watchfiles import Change, DefaultFilter, watch

from docs_site.pages import ROOT
from docs_site.site import COMMAND, CONFIGURATION, ENVIRONMENT, stage

CHECK_MS = 500
"""Milliseconds after which the wait for changes looks whether the server is there."""


def serve(out: Path, port: int) -> int:
    """Serve the site on this machine until Ctrl-C, anew for each change of a page.

    Pages are those in ``docs``, those at the repository's root and the sources that either link to.
    What has changed in a docstring is seen after the next start.

    Args:
        out: A folder for it.
        port: Where to serve it, on 127.0.0.1.

    Returns:
        0 after Ctrl-C; else what the server ended with, and not 0.
    """
    sources = stage(out).sources
    serving = subprocess.Popen(
        [*COMMAND, "serve", "-f", CONFIGURATION.name, "-a", f"127.0.0.1:{port}"],
        cwd=out,
        env=ENVIRONMENT,
    )
    try:
        while serving.poll() is None:
            sources = _stage_changes(out, sources, serving)
    except KeyboardInterrupt:
        return 0
    finally:
        serving.terminate()
        serving.wait()
    print(
        f"the server of the site ended with {serving.returncode}; what it said is above. If port "
        f"{port} is in use, take another one: make docs PORT={port + 1}",
        file=sys.stderr,
    )
    return serving.returncode or 1


def _stage_changes(out: Path, sources: set[Path], serving: subprocess.Popen[bytes]) -> set[Path]:
    """Keep the pages as their sources are, until there are other sources or the server has ended.

    Returns:
        What the sources are now.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    wanted = Page(sources)
    # Folders, since an editor that replaces a file ends the watch of that file.
    for changes in watch(
        *{path.parent for path in {*sources, CONFIGURATION}},
        watch_filter=wanted,
        recursive=False,
        rust_timeout=CHECK_MS,
        yield_on_timeout=True,
    ):
        if changes and (now := _stage_again(out, sources)) != sources:
            return now
        if serving.poll() is not None:
            break
    return sources


def _stage_again(out: Path, sources: set[Path]) -> set[Path]:
    try:
        return stage(out).sources
    except OSError as error:
        # Such as a file that is just being replaced.
        print(f"the site stays as it was: {error}", file=sys.stderr)
        return sources


class Page(DefaultFilter):
    """Lets through what pages are made from, and what is new in ``docs``."""

    def __init__(self, sources: set[Path]) -> None:
        super().__init__()
        self._sources = {*sources, CONFIGURATION}

    def __call__(self, change: Change, path: str) -> bool:
        file = Path(path)
        return super().__call__(change, path) and (
            file in self._sources or ROOT / "docs" in file.parents
        )
