"""Errors of the local stack."""

from __future__ import annotations

from temporal_lambda.errors import TemporalLambdaError


class LocalStackError(TemporalLambdaError):
    """The local stack can't do what was asked: says what, and what to do."""
