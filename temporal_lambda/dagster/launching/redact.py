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


_NAMED_SECRET = re.compile(
    r"""(?ix)
    (["']?[\w.-]*(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key
      |credential)[\w.-]*["']?\s*[:=]\s*)
    ("[^"]*"|'[^']*'|[^\s,;&}"']+)
    """
)
_AUTHORIZATION = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_IN_ADDRESS = re.compile(r"(\w+://[^\s/:@]*:)[^\s/@]+(?=@)")
_ACCESS_KEY = re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b")


def redacted_log(log: str) -> str:
    """A function's log without what looks like a secret.

    That is a guess by names and shapes: a secret that looks like any other word stays.

    Args:
        log: Lines that a function printed.

    Example:
        >>> redacted_log("password=hunter2 db://me:hunter2@db/x Bearer abcdefgh1")
        'password=[redacted] db://me:[redacted]@db/x Bearer [redacted]'
    """
    log = _IN_ADDRESS.sub(r"\1[redacted]", _SECRET.sub(r"\1[redacted]", log))
    log = _AUTHORIZATION.sub(r"\1 [redacted]", log)
    return _ACCESS_KEY.sub("[redacted]", _NAMED_SECRET.sub(r"\1[redacted]", log))
