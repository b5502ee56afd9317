"""``python -m docs_site build`` writes the site, ``python -m docs_site serve`` shows it.

``build`` is strict: a link that leads nowhere, a page that the navigation leaves out and anything
the generator warns of are an error.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from docs_site.serving import serve
from docs_site.site import ROOT, build, why_not_here


def main() -> None:
    """Do what the command line says; the exit code says whether the site is as it should be."""
    parser = argparse.ArgumentParser(prog="python -m docs_site", description=__doc__)
    parser.add_argument("what", choices=["build", "serve"])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site", help="a folder")
    parser.add_argument("--port", type=int, default=8000, help="where to serve (default: 8000)")
    arguments = parser.parse_args()
    if why := why_not_here():
        sys.exit(why)
    if arguments.what == "serve":
        sys.exit(serve(arguments.out, arguments.port))
    problems = build(arguments.out)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(problems)} problems" if problems else f"{arguments.out / 'html' / 'index.html'}")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
