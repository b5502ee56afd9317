"""Errors of the local stack."""

from __future__ import annotations

from temporal_lambda.errors import TemporalLambdaError


class LocalStackError(TemporalLambdaError):
    """The local stack can't do what was asked; the message says why and what to do."""
