"""AWS X-Ray: the trace an invocation belongs to, and ids X-Ray accepts."""

from __future__ import annotations

import logging
import re

from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import SpanContext, TraceFlags

logger = logging.getLogger(__name__)

VARIABLE = "_X_AMZN_TRACE_ID"
"""The variable in which the runtime puts each invocation's tracing header."""

IDS = "opentelemetry.sdk.extension.aws.trace"
"""The module that has the generator of ids."""

_ROOT = re.compile(r"(?:^|;)\s*Root=1-([0-9a-f]{8})-([0-9a-f]{24})\s*(?:;|$)")
_PARENT = re.compile(r"(?:^|;)\s*Parent=([0-9a-f]{16})\s*(?:;|$)")
_SAMPLED = re.compile(r"(?:^|;)\s*Sampled=1\s*(?:;|$)")


def span_context(header: str) -> SpanContext | None:
    """Parse the span context in a tracing header.

    The format is AWS's: "Tracing header" in the X-Ray developer guide.

    Args:
        header: ``Root=1-...;Parent=...;Sampled=...``, possibly with further fields.

    Returns:
        ``None`` if the header has no valid root and parent.

    Example:
        >>> header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
        >>> context = span_context(header)
        >>> f"{context.trace_id:032x}", context.trace_flags.sampled
        ('5759e988bd862e3fe1be46a994272793', True)
    """
    root, parent = _ROOT.search(header), _PARENT.search(header)
    if not root or not parent:
        return None
    flags = TraceFlags.SAMPLED if _SAMPLED.search(header) else TraceFlags.DEFAULT
    context = SpanContext(
        int(root[1] + root[2], 16),
        int(parent[1], 16),
        is_remote=True,
        trace_flags=TraceFlags(flags),
    )
    return context if context.is_valid else None


def id_generator() -> IdGenerator | None:
    """A generator of trace ids that begin with the time, as X-Ray's own do.

    Trace ids created in a workflow are random, since a replay must produce the same ones.

    Returns:
        The generator; ``None``, with a warning, if ``opentelemetry-sdk-extension-aws`` is not
        installed.
    """
    try:
        from opentelemetry.sdk.extension.aws.trace import AwsXRayIdGenerator
    except ImportError:
        logger.warning(
            "opentelemetry-sdk-extension-aws is not installed, so trace ids don't begin with the "
            "time, as X-Ray's own do. It comes with this package's extra otel"
        )
        return None
    generator: IdGenerator = AwsXRayIdGenerator()
    return generator
