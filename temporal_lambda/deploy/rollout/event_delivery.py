"""How Lambda delivers the controller's invocations to a version of a function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from temporal_lambda.deploy.connections import ask_aws
from temporal_lambda.deploy.rollout.journal import Journal

MISSING = ("ResourceNotFoundException",)

DELIVERY: dict[str, Any] = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
"""How Lambda treats the controller's invocations. One that failed is not repeated: the controller
invokes again where work is waiting, and a repetition would find none."""


async def set_delivery(
    client: Any, name: str, number: str | None, on_failure: str | None, journal: Journal
) -> None:
    """Switch off retries for a version and name a destination for what failed, unless that is so.

    Args:
        client: boto3's client for Lambda.
        name: The function's name.
        number: The version's number; ``None`` in a dry run for one that is yet to come.
        on_failure: ARN of the destination; ``None`` leaves it as it is.
        journal: Notes what is done.
    """
    what = f"event delivery of {name}:{number or '(new)'}"
    detail = "no retries, 60 s" + (f", failures to {on_failure}" if on_failure else "")
    if number is None:
        await journal.change(what, detail, lambda: None)
        return
    current = ask_aws(
        f"event delivery of {name}:{number} can't be read",
        client.get_function_event_invoke_config,
        unless=MISSING,
        FunctionName=name,
        Qualifier=number,
    )
    destination = on_failure or _destination(current)
    wanted = dict(DELIVERY)
    if destination:
        wanted["DestinationConfig"] = {"OnFailure": {"Destination": destination}}
    settled = current and all(current.get(key) == value for key, value in DELIVERY.items())
    if settled and _destination(current) == destination:
        journal.unchanged(what)
        return
    await journal.change(
        what,
        detail,
        lambda: ask_aws(
            f"event delivery of {name}:{number} can't be set",
            client.put_function_event_invoke_config,
            FunctionName=name,
            Qualifier=number,
            **wanted,
        ),
    )


def _destination(current: Mapping[str, Any] | None) -> str | None:
    failures: dict[str, Any] = (current or {}).get("DestinationConfig", {}).get("OnFailure", {})
    return failures.get("Destination")
