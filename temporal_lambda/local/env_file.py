"""Reads the variables of a ``.env`` file."""

from __future__ import annotations

import re
from pathlib import Path

from temporal_lambda.local.errors import LocalStackError

LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)")


def read_env_file(file: Path) -> dict[str, str]:
    """The variables of a file with lines ``NAME=value``.

    A value may stand in single or double quotes; blank lines, lines that begin with ``#``, and
    ``export`` before a name are passed over. Nothing is expanded, and no value goes on in the next
    line.

    Args:
        file: The file, UTF-8.

    Raises:
        LocalStackError: It can't be read, or a line has another form. The message has the line's
            number and not the line, in which a secret may stand.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise LocalStackError(f"{file} can't be read: {error}") from None
    found = {}
    for number, line in enumerate(map(str.strip, lines), start=1):
        if not line or line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        if match is None:
            raise LocalStackError(f"{file}, line {number}: expected NAME=value")
        found[match["name"]] = _unquoted(match["value"])
    return found


def _unquoted(value: str) -> str:
    quoted = re.match(r"""(?P<mark>["'])(?P<text>.*)(?P=mark)(\s+#.*)?$""", value)
    if quoted:
        return quoted["text"]
    return re.split(r"\s+#", value, maxsplit=1)[0].strip()
