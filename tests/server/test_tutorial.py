"""docs/tutorial.md, from its first command to its last, in an empty directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.aws_account import EXTERNAL_ID, INVOKE_ROLE, Account
from tests.support.checkout import adapt, copy_what_is_built, variables
from tests.support.walkthrough import Walkthrough

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(480)
async def test_tutorial_works_as_printed(account: Account, role: str, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    copy_what_is_built(checkout)
    # The test's own pytest has no say in that of the page.
    here = variables(tmp_path / "bin")
    own = {name: text for name, text in here.items() if not name.startswith("PYTEST_")}
    walkthrough = Walkthrough(
        checkout,
        # If it is borrowed, pytest-asyncio is, too, and warns: who follows the page has none.
        environment={**own, "PYTEST_ADDOPTS": "-p no:asyncio"},
        account={
            **account.environment,
            "TEMPORAL_LAMBDA_EXECUTION_ROLE": role,
            "TEMPORAL_LAMBDA_INVOKE_ROLE": INVOKE_ROLE,
            "TEMPORAL_LAMBDA_EXTERNAL_ID": EXTERNAL_ID,
        },
        adapt=adapt,
    )
    await walkthrough.walk((ROOT / "docs" / "tutorial.md").read_text())
    assert EXTERNAL_ID not in walkthrough.said.replace(f"='{EXTERNAL_ID}'", "")
    (installed,) = (tmp_path / "tutorial").glob(
        ".venv/lib/python*/site-packages/temporal_lambda/handler.py"
    )
    assert installed.is_file()
