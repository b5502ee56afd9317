"""Runs the demo once and takes a picture of its run in Dagster's UI:

    python -m examples.dagster.demo.screenshot docs/dagster-run.png

``make screenshot-dagster`` does.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from playwright.async_api import Page, ViewportSize, expect

from examples.dagster.demo.browser import page
from examples.dagster.demo.scenario import example, run_durable_job
from temporal_lambda.local import LocalStack

PATIENCE_MS = 30_000
"""Milliseconds a page may take; it takes about 2000."""

SETTLING_MS = 4_000
"""Milliseconds until nothing on the page moves any more."""


async def open_run(page: Page, url: str, run_id: str) -> None:
    """Open a run's page, and wait until it shows how the run has ended."""
    await page.goto(f"{url}/runs/{run_id}")
    await expect(page.get_by_text("Success", exact=True).first).to_be_visible(timeout=PATIENCE_MS)
    await expect(page.get_by_text("RUN_SUCCESS").first).to_be_visible(timeout=PATIENCE_MS)


async def take(target: Path) -> None:
    """Run the demo and write the picture."""
    async with LocalStack() as stack, example(stack) as dagster:
        run = await run_durable_job(stack, dagster, print)
        async with page() as opened:
            await opened.set_viewport_size(ViewportSize(width=1280, height=1000))
            await open_run(opened, dagster.ui.url, run.run_id)
            await expect(opened.get_by_text("Succeeded (3)")).to_be_visible(timeout=PATIENCE_MS)
            # The bars of the Gantt chart move to their places.
            await opened.wait_for_timeout(SETTLING_MS)
            await opened.screenshot(path=target)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    asyncio.run(take(path))
    print(f"wrote {path}, {path.stat().st_size // 1024} KB")
