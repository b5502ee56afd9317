"""A function for Managed Instances, several of which run in one environment."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from meeting import meet

if os.environ.get("INIT_FAILS"):
    raise RuntimeError("init broke")


def lambda_handler(event: Any, context: Any) -> dict[str, Any]:
    print(f"begins {event.get('name')}")
    if "folder" in event:
        meet(Path(event["folder"]), event["count"])
    if event.get("until_sigterm"):
        told: list[int] = []
        signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
        print("begins to wait")
        while not told:
            time.sleep(0.02)
        print("ends early")
    time.sleep(event.get("seconds", 0))
    if event.get("leaves"):
        os._exit(3)
    print(f"ends {event.get('name')}")
    return {"pid": os.getpid(), "stream": os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]}
