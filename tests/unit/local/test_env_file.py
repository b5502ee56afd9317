"""Files of variables."""

from __future__ import annotations

from pathlib import Path

import pytest

from temporal_lambda.local.env_file import read_env_file
from temporal_lambda.local.errors import LocalStackError


def test_variables_are_read_as_other_tools_read_them(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(
        '# a comment\n\nPLAIN=a b\nexport EXPORTED = 1\nQUOTED="x # y"  # why\n'
        "SINGLE='$HOME'\nEMPTY=\nURL=http://h/#part # comment\nNOT_CLOSED=\"a\n"
    )
    assert read_env_file(file) == {
        "PLAIN": "a b",
        "EXPORTED": "1",
        "QUOTED": "x # y",
        "SINGLE": "$HOME",
        "EMPTY": "",
        "URL": "http://h/#part",
        "NOT_CLOSED": '"a',
    }


def test_error_names_the_line_and_shows_no_secret(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("A=1\nTOKEN: secret\n")
    with pytest.raises(LocalStackError, match=r"\.env, line 2: expected NAME=value") as raised:
        read_env_file(file)
    assert "secret" not in str(raised.value)


def test_file_that_is_no_text_is_one_clear_error(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(LocalStackError, match="can't be read"):
        read_env_file(file)
