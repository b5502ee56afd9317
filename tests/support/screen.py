"""What a terminal shows of ``temporal-lambda dev``."""

from __future__ import annotations

import asyncio
import itertools
import re
import time

import pyte
from rich.style import Style
from rich.text import Text
from temporalio.client import Client, WorkflowFailureError

from tests.support.dev_session import PATIENCE, Dev
from tests.support.lambdas import FUNCTIONS


class Screen:
    """A terminal of a size, with a session of ``dev`` in it.

    Args:
        columns: Its width.
        lines: Its height.
        arguments: Those of ``dev``.
    """

    def __init__(self, columns: int, lines: int, *arguments: str) -> None:
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.Stream(self._screen)
        self._fed = 0
        self.dev = Dev(*arguments, terminal=True, size=(columns, lines))

    def end(self) -> None:
        """Kill the session."""
        self.dev.kill()

    async def shows(self, pattern: str) -> bool:
        """Whether it shows a text by now, or will within a moment."""
        await asyncio.to_thread(self.dev.read, 0.02)
        new, self._fed = self.dev.output[self._fed :], len(self.dev.output)
        self._stream.feed(new)
        return re.search(pattern, "\n".join(self.lines)) is not None

    async def wait_for(self, pattern: str) -> None:
        """Wait until it shows a text."""
        # A task that a crash has put back is looked for by the server once a minute.
        until = time.monotonic() + 2 * PATIENCE
        while time.monotonic() < until:
            if await self.shows(pattern):
                return
        raise AssertionError("\n".join(self.lines))

    @property
    def lines(self) -> list[str]:
        """Its lines, without the blanks at their ends."""
        return [line.rstrip() for line in self._screen.display]

    def colour_of(self, text: str) -> str:
        """The colour of the first character of a text, where it is shown last."""
        row, line = [(row, line) for row, line in enumerate(self.lines) if text in line][-1]
        return str(self._screen.buffer[row][line.index(text)].fg)

    def text(self) -> Text:
        """All of it with its colours, for rich."""
        text = Text()
        for row in range(self._screen.lines):
            cells = [self._screen.buffer[row][column] for column in range(self._screen.columns)]
            for (colour, bold), run in itertools.groupby(cells, lambda cell: (cell.fg, cell.bold)):
                name = None if colour == "default" else colour.replace("brown", "yellow")
                text.append("".join(cell.data for cell in run), Style(color=name, bold=bold))
            text.append("\n")
        return text


async def show_orders(columns: int, lines: int, quick: int) -> Screen:
    """A session in which orders went well, crashed, were abandoned, and one is under way.

    Args:
        columns: The terminal's width.
        lines: Its height.
        quick: How many went well.

    Returns:
        The screen as it is then; end it.
    """
    screen = Screen(
        *(columns, lines, f"{FUNCTIONS / 'orders.py'}:lambda_handler", "--no-reload"),
        *(
            "--timeout",
            "9s",
            "--function-name",
            "orders",
            "--env",
            "TEMPORAL_LAMBDA_SHUTDOWN_DEADLINE_BUFFER=3s",
        ),
        *("--env", "TEMPORAL_LAMBDA_GRACEFUL_SHUTDOWN_TIMEOUT=1s"),
    )
    try:
        await screen.wait_for("Web UI")
        address = re.search(r"Temporal +(127\.0\.0\.1:\d+)", screen.dev.output)
        assert address
        client = await Client.connect(address[1])
        await screen.wait_for("1 succeeded")
        for order in (*(f"book-{number}" for number in range(quick)), "fragile", "heavy"):
            await order_and_wait(screen, client, order)
        await screen.wait_for("abandoned: ")
        await client.start_workflow("Order", "gift", id="gift", task_queue="orders")
        total = quick + 3
        await screen.wait_for(
            rf"1 running.*\n{total} workflows: 1 running, {quick} completed, 2 failed"
        )
        return screen
    except BaseException:
        screen.end()
        raise


async def stream_orders(
    columns: int, lines: int, count: int, seconds: float
) -> tuple[Screen, list[str]]:
    """A session that is given orders at a steady rate.

    Args:
        columns: The terminal's width.
        lines: Its height.
        count: How many orders.
        seconds: In what time.

    Returns:
        The screen when all are done and the invocation still runs, to be ended; and what the rows
        of running invocations have shown meanwhile, each once.
    """
    screen = Screen(
        *(columns, lines, f"{FUNCTIONS / 'orders.py'}:lambda_handler", "--no-reload"),
        *("--function-name", "orders", "--idle-timeout", "15s"),
    )
    shown: dict[str, None] = {}
    try:
        await screen.wait_for("running")
        address = re.search(r"Temporal +(127\.0\.0\.1:\d+)", screen.dev.output)
        assert address
        client = await Client.connect(address[1])
        begun = time.monotonic()
        for number in range(1, count + 1):
            order = f"book-{number}"
            await client.start_workflow("Order", order, id=order, task_queue="orders")
            while time.monotonic() < begun + number * seconds / count:
                await screen.shows("")
                shown.update({line: None for line in screen.lines if line.endswith(" running")})
        # Each order is one activity.
        await screen.wait_for(
            rf"running.*\n{count} workflows: {count} completed; \d+w {count}a in all"
        )
        return screen, list(shown)
    except BaseException:
        screen.end()
        raise


async def order_and_wait(screen: Screen, client: Client, order: str) -> None:
    """Run one order to its end, whatever that is, and go on reading the terminal."""
    handle = await client.start_workflow("Order", order, id=order, task_queue="orders")
    result = asyncio.create_task(handle.result())
    while not result.done():
        await screen.shows("")
    if (error := result.exception()) and not isinstance(error, WorkflowFailureError):
        raise error
