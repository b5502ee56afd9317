"""Findings about the role that Temporal assumes to invoke a function."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from temporal_lambda.deploy.checking.findings import Finding

ACTIONS = ("lambda:InvokeFunction", "lambda:GetFunction")


def check_role(
    role: str,
    function_arn: str,
    trust: Mapping[str, Any],
    policies: Sequence[Mapping[str, Any]],
) -> Iterator[Finding]:
    """Findings about an invoke role. Conditions and denials are not looked at.

    Args:
        role: Its ARN.
        function_arn: ARN of the function, without a version.
        trust: Its trust policy.
        policies: The documents of its permission policies.
    """
    for resource, which in ((function_arn, "without"), (f"{function_arn}:0", "with")):
        missing = [a for a in ACTIONS if not any(_allows(p, a, resource) for p in policies)]
        if missing:
            yield Finding(
                "invoke-role",
                "error",
                f"{role} lacks {' and '.join(missing)} on {function_arn} {which} a version",
                "Temporal looks at the function, and invokes one version of it",
                f"allow both actions on both {function_arn} and {function_arn}:*",
            )
    if not any(
        "sts:ExternalId" in operands
        for statement in _statements(trust)
        for operands in statement.get("Condition", {}).values()
    ):
        yield Finding(
            "external-id",
            "error",
            f"{role} may be assumed without an external id",
            "another customer of Temporal Cloud could have your function invoked",
            "add the condition StringEquals sts:ExternalId to its trust policy",
        )


def _allows(policy: Mapping[str, Any], action: str, resource: str) -> bool:
    return any(
        statement.get("Effect") == "Allow"
        and _matches(action.lower(), [a.lower() for a in _list(statement.get("Action"))])
        and _matches(resource, _list(statement.get("Resource")))
        for statement in _statements(policy)
    )


def _statements(policy: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found = policy.get("Statement", [])
    return found if isinstance(found, list) else [found]


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def _matches(text: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(text, pattern) for pattern in patterns)
