"""Errors of packaging, deploying and checking."""

from __future__ import annotations

from temporal_lambda.errors import TemporalLambdaError


class PackageError(TemporalLambdaError, ValueError):
    """A function can't be packaged as it stands: says what is wrong, where, and what to do."""


class DeployError(TemporalLambdaError, RuntimeError):
    """A deployment can't be changed as asked: says what is wrong, where, and what to do."""
