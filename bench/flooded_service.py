"""The local Lambda in a process of its own, which says what it holds for each line it reads."""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from datetime import timedelta
from pathlib import Path

from temporal_lambda.local import Function, LambdaService
from temporal_lambda.local.invoke_api import InvokeApi

CODE = Path(__file__).parent / "functions"


async def main() -> None:
    async with LambdaService() as service, InvokeApi(service) as api:
        service.add(
            Function(
                "flooded",
                "flooded.lambda_handler",
                CODE,
                concurrency=60,
                retry_delays=(timedelta(seconds=0.1), timedelta(seconds=0.1)),
            )
        )
        say(endpoint=api.endpoint, peak_mib=peak_mib())
        loop = asyncio.get_running_loop()
        while (await loop.run_in_executor(None, sys.stdin.readline)).strip():
            say(
                peak_mib=peak_mib(),
                records=len(service.records),
                dropped=len(service.dropped),
            )


def say(**values: object) -> None:
    print(json.dumps(values), flush=True)


def peak_mib() -> float:
    """Peak resident memory of this process in MiB. (macOS counts bytes, all others KiB.)"""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


if __name__ == "__main__":
    asyncio.run(main())
