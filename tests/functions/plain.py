"""Functions that know nothing of Temporal, for the Lambda service's own tests."""

from __future__ import annotations

import http.client
import logging
import os
import stat
import subprocess
import sys
import time
from typing import Any

if os.environ.get("INIT_SECONDS"):
    time.sleep(float(os.environ["INIT_SECONDS"]))
if os.environ.get("INIT_LEAVES"):
    os._exit(5)
if os.environ.get("INIT_FAILS"):
    raise RuntimeError("init broke")

calls = 0
not_callable = "text"


def echo(event: Any, context: Any) -> Any:
    global calls
    calls += 1
    print("to stdout")
    print("to stderr", file=sys.stderr)
    logging.getLogger().warning("to the log")
    return {
        "event": event,
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "remaining_ms": context.get_remaining_time_in_millis(),
        "client_context": context.client_context and context.client_context.custom,
        "calls": calls,
        "pid": os.getpid(),
        "environment": dict(os.environ),
    }


def picture(event: Any, context: Any) -> bytes:
    return "ü".encode() + b"\xff\xd8"


def fail(event: Any, context: Any) -> None:
    print("about to fail")
    raise ValueError("handler broke")


def fail_twice(event: Any, context: Any) -> str:
    """Fails until its third call in this environment."""
    global calls
    calls += 1
    if calls < 3:
        raise ValueError(f"call {calls} broke")
    return "done"


def hang(event: Any, context: Any) -> None:
    time.sleep(60)


def leave(event: Any, context: Any) -> None:
    os._exit(event.get("status", 1))


def big(event: Any, context: Any) -> str:
    return "x" * (7 * 1024 * 1024)


def chatter(event: Any, context: Any) -> None:
    while True:
        os.write(1, b"x\n" * 32_768)


def unfinished(event: Any, context: Any) -> None:
    sys.stdout.write("no newline")


def nap(event: Any, context: Any) -> int:
    time.sleep(event["seconds"])
    return os.getpid()


def meddle(event: Any, context: Any) -> list[int]:
    """Uses the Runtime API while it runs: from this process, and from a child."""
    request = (
        "import os, sys, urllib.request, urllib.error\n"
        "api = os.environ['AWS_LAMBDA_RUNTIME_API']\n"
        "url = f'http://{api}/2018-06-01/runtime/' + sys.argv[1]\n"
        "body = b'1' if 'response' in url else None\n"
        "try: print(urllib.request.urlopen(url, body, timeout=5).status)\n"
        "except urllib.error.HTTPError as error: print(error.code)\n"
    )
    response = f"invocation/{context.aws_request_id}/response"
    answers = [
        int(subprocess.check_output([sys.executable, "-c", request, path]))
        for path in ("invocation/next", response)
    ]
    client = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"], timeout=5)
    client.request("GET", "/2018-06-01/runtime/invocation/next")
    return [*answers, client.getresponse().status]


def say(event: Any, context: Any) -> str:
    """Prints and logs whatever it is told to; ``{id}`` becomes the request id."""
    logging.getLogger().setLevel(logging.INFO)
    for text in event.get("print", []):
        print(text.replace("{id}", context.aws_request_id))
    for text in event.get("log", []):
        logging.getLogger().info("%s", text.replace("{id}", context.aws_request_id))
    if event.get("descriptor"):
        # The runtime's own pipe for logs is the only one besides standard output.
        names = map(int, os.listdir("/proc/self/fd"))
        for name in [name for name in names if name > 2 and is_pipe(name)]:
            os.write(name, event["descriptor"].encode())
    if event.get("long"):
        sys.stdout.write("x" * event["long"])
    return "said"


def is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def leave_children(event: Any, context: Any) -> list[int]:
    """Leaves two processes: one in a session of its own, and an orphan in another one."""
    child = subprocess.Popen(["sleep", "300"], start_new_session=True)
    orphan = (
        "import subprocess\n"
        "quiet = subprocess.DEVNULL\n"
        "child = subprocess.Popen(\n"
        "    ['sleep', '300'], stdout=quiet, stderr=quiet, start_new_session=True, env={}\n"
        ")\n"
        "print(child.pid)\n"
        "child.returncode = 0\n"
    )
    command = [sys.executable, "-c", orphan]
    pids = [child.pid, int(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)]
    time.sleep(event.get("seconds", 0))
    if event.get("exits"):
        print(f"CHILDREN {pids[0]} {pids[1]}", flush=True)
        os._exit(3)
    return pids
