"""Redacts credentials from AWS errors."""

from __future__ import annotations

import re

_SECRET = re.compile(
    r"(x-amz-security-token\s*[:=]\s*|\bCredential=|\bSignature=)[^\s,&'\"]+", re.IGNORECASE
)


def redacted(error: Exception) -> str:
    """The text of an error, fit for the event log and for exceptions.

    AWS may quote a request whose signature it rejects, including the session token.

    Args:
        error: Of boto3 or of AWS.

    Example:
        >>> redacted(ValueError("POST\\nx-amz-security-token:FwoG=\\nhost:aws"))
        'POST\\nx-amz-security-token:[redacted]\\nhost:aws'
    """
    return _SECRET.sub(r"\1[redacted]", str(error))
