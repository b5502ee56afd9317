"""docs/tutorial.md, from its first command to its last, in an empty directory."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.aws_account import EXTERNAL_ID, INVOKE_ROLE, Account
from tests.support.checkout import OFFLINE, copy_what_is_built
from tests.support.walkthrough import Walkthrough

ROOT = Path(__file__).parents[2]
INSTALL = 'pip install --quiet "$CHECKOUT/dist/'


def borrow_dependencies(commands: str) -> str:
    """Take what the wheel needs from the tests' own packages, as for the quick start."""
    packages = sysconfig.get_path("purelib")
    borrow = (
        f'echo "{packages}" >"$(python -c "import site; print(*site.getsitepackages())")/a.pth"'
    )
    lines = commands.splitlines()
    return "\n".join(f"{line}\n{borrow}" if line.startswith(INSTALL) else line for line in lines)


@pytest.mark.timeout(480)
async def test_tutorial_works_as_printed(account: Account, role: str, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    copy_what_is_built(checkout)
    # The test's own pytest has no say in that of the page.
    own = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    walkthrough = Walkthrough(
        checkout,
        environment={
            **own,
            **OFFLINE,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            # Borrowed like all else, and warns: who follows the page has none.
            "PYTEST_ADDOPTS": "-p no:asyncio",
        },
        account={
            **account.environment,
            "TEMPORAL_LAMBDA_EXECUTION_ROLE": role,
            "TEMPORAL_LAMBDA_INVOKE_ROLE": INVOKE_ROLE,
            "TEMPORAL_LAMBDA_EXTERNAL_ID": EXTERNAL_ID,
        },
        adapt=borrow_dependencies,
    )
    await walkthrough.walk((ROOT / "docs" / "tutorial.md").read_text())
    assert EXTERNAL_ID not in walkthrough.said.replace(f"='{EXTERNAL_ID}'", "")
    (installed,) = (tmp_path / "tutorial").glob(
        ".venv/lib/python*/site-packages/temporal_lambda/handler.py"
    )
    assert installed.is_file()
