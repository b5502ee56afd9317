"""Runs a page that tells what to type and what is printed, in its order.

Of the page's blocks, ``sh`` is typed and ``text`` is what that prints. A comment before a block
says what else it is: ``write: NAME`` a file, ``first terminal`` a command that stays, ``in the
first terminal`` what that prints later on. ``Ctrl-C in the first terminal`` stands alone. In what
is printed, ports, ids and times may differ from the page's; a … stands for anything.
"""

from __future__ import annotations

import asyncio
import re
import signal
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.waiting import until

NEEDS_AWS = "# needs AWS"
BLOCK = re.compile(
    r"^(?:<!-- (?P<note>[^\n]+) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)^```$"
    r"|^<!-- (?!test of all blocks: )(?P<alone>[^\n]+) -->$",
    re.MULTILINE | re.DOTALL,
)
VARIES = re.compile(
    r"(?P<port>127\.0\.0\.1:\d+)"
    r"|(?P<date>\d{4}-\d\d-\d\d \d\d:\d\d)"
    r"|(?P<time>\d+(?:\.\d+)? ?(?:ms|s)\b)"
    r"|(?P<hex>\b[0-9a-f]{8}\b)"
    r"|(?P<number>(?<=process )\d+|(?<=invocation )\d+|(?<=invocation # )\d+)"
    r"|(?P<left_out>…)"
    r"|(?P<spaces> {2,})"
)
"""What may differ, besides the width of columns."""

PATTERNS = {
    "date": r"\d{4}-\d\d-\d\d \d\d:\d\d",
    "time": r"\d+(?:\.\d+)? ?(?:ms|s)\b",
    "hex": r"[0-9a-f]{8}",
    "number": r"\d+",
    "left_out": r".*",
    "spaces": r" +",
}


@dataclass(frozen=True)
class Step:
    """A block of the page, or a comment that stands alone.

    Attributes:
        note: The comment.
        language: Of the block; empty without one.
        text: What is in it.
    """

    note: str
    language: str = ""
    text: str = ""


def steps(page: str) -> Iterator[Step]:
    """What a page tells to do."""
    for found in BLOCK.finditer(page):
        if found["alone"]:
            yield Step(found["alone"])
        else:
            yield Step(found["note"] or "", found["language"], found["text"])


@dataclass
class Walkthrough:
    """One walk through a page.

    Attributes:
        folder: Where it begins.
        environment: Variables.
        account: Variables that are set where the page needs AWS.
        adapt: Changes the commands of a block before they are typed.
        said: All that was typed and printed, for a failure.
    """

    folder: Path
    environment: Mapping[str, str]
    account: Mapping[str, str]
    adapt: Callable[[str], str]
    said: str = ""
    _printed: str = ""
    _first: Path | None = None
    _read: int = 0
    _ports: dict[str, str] = field(default_factory=dict)

    async def walk(self, page: str) -> None:
        """Do what the page says; compare what comes of it."""
        self._shell = await asyncio.create_subprocess_exec(
            *("bash", "-e"),
            cwd=self.folder,
            env=self.environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=1 << 20,
        )
        try:
            for step in steps(page):
                await self._do(step)
        finally:
            await self._end()

    async def _do(self, step: Step) -> None:
        if step.note.startswith("write: "):
            place = (await self._type("pwd")).strip()
            (Path(place) / step.note.removeprefix("write: ")).write_text(step.text)
        elif step.note == "first terminal":
            await self._stay(step.text)
        elif step.note == "in the first terminal":
            await self._wait_for(step.text)
        elif step.note == "Ctrl-C in the first terminal":
            await self._type("kill -INT $FIRST; wait $FIRST; unset FIRST")
            self._first = None
        elif step.language == "sh":
            self._printed = await self._type(self.adapt(self._commands(step.text)))
        elif step.language == "text" and self._first and not self._read:
            await self._wait_for(step.text)
        elif step.language == "text":
            found = re.fullmatch(pattern(step.text), self._printed)
            assert found, f"{step.text}\nis not what was printed last:\n\n{self.said}"
            self._keep_ports(found)
        else:
            raise AssertionError(f"the page has a block that is nothing to do: {step}")

    def _commands(self, text: str) -> str:
        if NEEDS_AWS in text:
            named = re.findall(r"^export (\w+)=\.\.\. +# needs AWS", text, re.MULTILINE)
            assert len(named) == text.count("\n"), text
            assert set(named) <= set(self.account)
            return "\n".join(f"export {name}='{value}'" for name, value in self.account.items())
        for on_the_page, here in self._ports.items():
            text = text.replace(on_the_page, here)
        return text

    async def _type(self, commands: str) -> str:
        """Run commands in the shell; what they print."""
        assert self._shell.stdin
        assert self._shell.stdout
        mark = uuid.uuid4().hex
        self._shell.stdin.write(f"{{ {commands}\n}} </dev/null\necho {mark}\n".encode())
        self.said += f"$ {commands}\n"
        printed = ""
        while not printed.endswith(f"{mark}\n"):
            line = await self._shell.stdout.readline()
            assert line, f"a command failed:\n{self.said}{printed}"
            printed += line.decode()
        printed = printed.removesuffix(f"{mark}\n")
        self.said += printed
        return printed

    async def _stay(self, command: str) -> None:
        self._first, self._read = self.folder / f"{uuid.uuid4().hex}.log", 0
        self._first.touch()
        command = f"(exec {command.strip()}) >{self._first} 2>&1 </dev/null & FIRST=$!"
        await self._type(command)

    async def _wait_for(self, text: str) -> None:
        """Wait until the first terminal shows a text, after what it has shown so far."""
        assert self._first
        first, wanted = self._first, re.compile(pattern(text))

        def shown() -> re.Match[str] | None:
            return wanted.match(first.read_text(), self._read)

        try:
            await until(shown)
        except asyncio.TimeoutError:
            shows = first.read_text()[self._read :]
            raise AssertionError(
                f"{text}\nis not what the first terminal shows:\n{shows}"
            ) from None
        found = shown()
        assert found
        self._read = found.end()
        self._keep_ports(found)

    def _keep_ports(self, found: re.Match[str]) -> None:
        for name, here in found.groupdict().items():
            self._ports[f"127.0.0.1:{name.removeprefix('port_')}"] = here

    async def _end(self) -> None:
        """End the shell, and what stays."""
        assert self._shell.stdin
        if self._first and self._shell.returncode is None:
            self._shell.stdin.write(b"kill -TERM $FIRST; wait $FIRST || true\n")
        self._shell.stdin.close()
        try:
            await asyncio.wait_for(self._shell.wait(), 20)
        except asyncio.TimeoutError:
            self._shell.send_signal(signal.SIGKILL)
            await self._shell.wait()


def pattern(text: str) -> str:
    """What printed text has to match.

    Example:
        >>> bool(re.fullmatch(pattern("…\\nport 127.0.0.1:7\\n"), "a\\nb\\nport 127.0.0.1:8\\n"))
        True
    """
    seen: set[str] = set()
    return "".join(
        "(?:.*\n)*?" if line == "…" else f"{_pattern_of_line(line, seen)} *\n"
        for line in text.splitlines()
    )


def _pattern_of_line(line: str, seen: set[str]) -> str:
    made, at = "", 0
    for found in VARIES.finditer(line):
        made += re.escape(line[at : found.start()])
        at = found.end()
        kind = found.lastgroup
        assert kind
        if kind != "port":
            made += PATTERNS[kind]
            continue
        name = f"port_{found[0].rpartition(':')[2]}"
        made += f"(?P={name})" if name in seen else rf"(?P<{name}>127\.0\.0\.1:\d+)"
        seen.add(name)
    return made + re.escape(line[at:])
