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


async def set_delivery(client: Any, name: str, number: str | None, journal: Journal) -> None:
    """Switch off retries for a version, unless that is so.

    Args:
        client: boto3's client for Lambda.
        name: The function's name.
        number: The version's number; ``None`` in a dry run for one that is yet to come.
        journal: Notes what is done.
    """
    what = f"event delivery of {name}:{number or '(new)'}"
    detail = "no retries, 60 s"
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
    if current and all(current.get(key) == value for key, value in DELIVERY.items()):
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
            **DELIVERY,
            **_destination(current),
        ),
    )


def _destination(current: Mapping[str, Any] | None) -> dict[str, Any]:
    """What becomes of failed events stays as it is."""
    destination = (current or {}).get("DestinationConfig")
    return {"DestinationConfig": destination} if destination else {}
