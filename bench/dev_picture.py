"""Takes the pictures of ``temporal-lambda dev`` in docs/local.md, of a session that is real. Run:

python -m bench.dev_picture docs
"""

from __future__ import annotations

import asyncio
import io
import sys
from pathlib import Path

from rich.console import Console

from tests.support.screen import show_orders

SIZES = ((80, 24), (200, 50))


async def main(folder: Path) -> None:
    """Write a picture for each size of a terminal."""
    for columns, lines in SIZES:
        screen = await show_orders(columns, lines, quick=20)
        screen.end()
        console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True)
        console.print(screen.text(), end="", soft_wrap=True)
        title = f"temporal-lambda dev, {columns} by {lines}"
        console.save_svg(str(folder / f"dev-{columns}x{lines}.svg"), title=title)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
