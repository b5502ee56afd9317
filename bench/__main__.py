"""``python -m bench``: measure, then write the figures, the table and the charts."""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path

from bench import charts, machine, results, table
from bench.parts import MINUTES, PARTS

POINTS = Path("build/benchmarks")


def main(arguments: list[str] | None = None) -> None:
    """Measure the parts that were asked for; each is written as soon as it is there."""
    options = _parse(arguments)
    page = options.out / table.FILE
    sections = table.sections(page.read_text()) if page.exists() else {}
    names = options.parts or list(PARTS)
    if not options.quick:
        minutes = sum(MINUTES[name] for name in names)
        print(f"about {minutes} minutes, in which the machine should do nothing else", flush=True)
    for name in names:
        print(f"{name} ...", flush=True)
        begun = time.monotonic()
        measured = asyncio.run(PARTS[name](options.quick))
        results.write(POINTS, name, measured)
        options.out.mkdir(parents=True, exist_ok=True)
        sections[name] = table.section(
            name,
            measured,
            machine.describe(),
            chart=charts.draw(options.out, name, measured),
            quick=options.quick,
        )
        page.write_text(table.page(sections, list(PARTS)))
        for row in measured.rows:
            ours, beside = (table.cell(values, row.unit) for values in (row.ours, row.beside))
            print(f"  {row.measure}: ours {ours}, {row.other} {beside}")
        print(f"{name} took {time.monotonic() - begun:.0f} s", flush=True)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="NAME", help=f"of {', '.join(PARTS)}; or all")
    parser.add_argument("--quick", action="store_true", help="smaller forms, to see that all works")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="a folder (default: docs)")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.parts if name not in PARTS]:
        parser.error(f"no part {unknown[0]!r}: choose from {', '.join(PARTS)}")
    if options.out.exists() and not options.out.is_dir():
        parser.error(f"--out {options.out} is not a folder")
    return options


if __name__ == "__main__":
    main()
