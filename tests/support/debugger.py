"""A debugger that attaches to debugpy, as an editor does: the Debug Adapter Protocol."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from types import TracebackType
from typing import Any

PATIENCE = 40.0
"""Seconds until it gives up on an answer or an event."""

Message = dict[str, Any]


class Debugger:
    """Attaches to what listens on a port of this machine, with breakpoints.

    Args:
        port: Where debugpy listens.
        breakpoints: The lines to stop at, by file.
    """

    def __init__(self, port: int, breakpoints: dict[Path, list[int]]) -> None:
        self._socket = _connect(port)
        self._stream = self._socket.makefile("rb")
        self._sent = 0
        self._messages: list[Message] = []
        self.ask("initialize", adapterID="tests", pathFormat="path")
        attaching = self._send("attach", {"justMyCode": True})
        self.event("initialized")
        for file, lines in breakpoints.items():
            self.ask(
                "setBreakpoints",
                source={"path": str(file)},
                breakpoints=[{"line": line} for line in lines],
            )
        self.ask("configurationDone")
        self._answer(attaching)

    def __enter__(self) -> Debugger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up; what is debugged goes on."""
        self._stream.close()
        self._socket.close()

    def ask(self, command: str, **arguments: Any) -> Any:
        """Send a request and wait for its answer, which must be no error."""
        return self._answer(self._send(command, arguments))

    def event(self, name: str) -> Any:
        """Wait for an event; what it says."""
        return self._take(lambda message: message.get("event") == name).get("body")

    def stopped_in(self) -> tuple[int, int, str]:
        """Wait until it stands at a breakpoint: the thread, the frame, and the function's name."""
        thread = self.event("stopped")["threadId"]
        frame = self.ask("stackTrace", threadId=thread)["stackFrames"][0]
        return thread, frame["id"], frame["name"]

    def value_of(self, expression: str, frame: int) -> str:
        """What an expression is in a frame."""
        return str(self.ask("evaluate", expression=expression, frameId=frame)["result"])

    def _send(self, command: str, arguments: Message) -> int:
        self._sent += 1
        message = {"seq": self._sent, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return self._sent

    def _answer(self, number: int) -> Any:
        answer = self._take(lambda message: message.get("request_seq") == number)
        assert answer["success"], answer
        return answer.get("body")

    def _take(self, wanted: Any) -> Message:
        """The first message of a kind, of those that came or will come."""
        gives_up = time.monotonic() + PATIENCE
        while True:
            for message in self._messages:
                if wanted(message):
                    self._messages.remove(message)
                    return message
            assert time.monotonic() < gives_up, self._messages
            self._messages.append(self._read())

    def _read(self) -> Message:
        length = 0
        while line := self._stream.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the debugger's connection was closed"
        message: Message = json.loads(self._stream.read(length))
        return message


def _connect(port: int) -> socket.socket:
    """Connect as soon as somebody listens, as a process that begins will soon."""
    gives_up = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), PATIENCE)
        except ConnectionRefusedError:
            assert time.monotonic() < gives_up, "nobody listens"
            time.sleep(0.05)
