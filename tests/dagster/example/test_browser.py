"""What somebody sees in Dagster's UI of a run that went to Lambda."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from examples.dagster.demo.browser import page
from examples.dagster.demo.dagster_here import DagsterHere
from examples.dagster.demo.screenshot import open_run

pytestmark = pytest.mark.server


async def test_runs_page_shows_its_status_and_what_the_launcher_did(
    dagster_here: DagsterHere,
) -> None:
    run_id = await dagster_here.ui.launch("sync_lambda_job")
    run = await dagster_here.ui.finished(run_id)
    assert run.status == "SUCCESS"
    messages = [event.message for event in run.events if event.kind == "ENGINE_EVENT"]
    assert messages
    async with page() as opened:
        await open_run(opened, dagster_here.ui.url, run_id)
        for message in messages:
            await expect(opened.get_by_text(message).first).to_be_visible()
