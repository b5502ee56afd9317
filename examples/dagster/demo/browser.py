"""A headless Chromium that reaches nothing but this machine."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, Route, ViewportSize, async_playwright

BROWSERS = ("chromium", "chromium-headless-shell", "chromium-browser", "google-chrome")
"""What Chromium is called in various places."""

SIZE = ViewportSize(width=1280, height=800)

ARGUMENTS = [
    "--no-sandbox",  # it may run as root, in a container
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class BrowserMissingError(Exception):
    """There is no Chromium."""


def find_browser() -> str:
    """The path of a Chromium.

    Raises:
        BrowserMissingError: There is none; the message says what to install.
    """
    for name in BROWSERS:
        if found := shutil.which(name):
            return found
    raise BrowserMissingError(
        "no Chromium was found. On Debian: apt-get install chromium, which 'make browser' does for "
        f"root. Elsewhere, one of these on PATH will do: {', '.join(BROWSERS)}"
    )


@asynccontextmanager
async def page() -> AsyncIterator[Page]:
    """A page of a browser of its own, with a user profile that is gone afterwards."""
    executable = find_browser()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        try:
            context = await browser.new_context(viewport=SIZE, locale="en-US", timezone_id="UTC")
            await context.route("**/*", _only_local)
            yield await context.new_page()
        finally:
            await browser.close()


async def _only_local(route: Route) -> None:
    if route.request.url.startswith(("http://127.0.0.1:", "data:", "blob:")):
        await route.continue_()
    else:
        await route.abort()


if __name__ == "__main__":
    print(find_browser())
