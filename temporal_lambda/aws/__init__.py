"""Credentials from Secrets Manager and Parameter Store, inside the function."""

from temporal_lambda.aws.credentials import SecretCredentials
from temporal_lambda.aws.secrets import SecretError, Secrets

__all__ = ["SecretCredentials", "SecretError", "Secrets"]
