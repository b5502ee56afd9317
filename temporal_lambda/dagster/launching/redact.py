"""What AWS says, without what nobody may read."""

from __future__ import annotations

import re

_SECRET = re.compile(
    r"(x-amz-security-token\s*[:=]\s*|\bCredential=|\bSignature=)[^\s,&'\"]+", re.IGNORECASE
)


def told(error: Exception) -> str:
    """The words of an error, for the event log and for exceptions.

    AWS may quote a request whose signature it doesn't accept, with the session token in it.

    Args:
        error: Of boto3 or of AWS.

    Example:
        >>> told(ValueError("POST\\nx-amz-security-token:FwoG=\\nhost:aws"))
        'POST\\nx-amz-security-token:[redacted]\\nhost:aws'
    """
    return _SECRET.sub(r"\1[redacted]", str(error))
