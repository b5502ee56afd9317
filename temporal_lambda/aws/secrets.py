"""Values from Secrets Manager and Parameter Store, kept for a while, and never shown."""

from __future__ import annotations

import asyncio
import json
import threading
from datetime import timedelta
from typing import Any

from temporal_lambda.aws.reference import Reference
from temporal_lambda.errors import MissingExtraError, TemporalLambdaError
from temporal_lambda.settings.credentials import HiddenText
from temporal_lambda.timeouts import TimeExpired, at_most

DEFAULT_TTL = timedelta(minutes=5)
"""How long a value is kept; at most half the time for which an old key and a new one are valid."""

LEAST_TTL = timedelta(seconds=1)
"""The cache counts whole seconds."""

FETCH_SECONDS = 5.0
"""What one fetch may take, retries included."""

DENIED = ("AccessDeniedException", "AccessDenied")
MISSING = ("ResourceNotFoundException", "ParameterNotFound")
ENCRYPTION = ("DecryptionFailure", "InvalidKeyId", "KMSAccessDeniedException", "KMSInvalidState")


class SecretError(TemporalLambdaError, RuntimeError):
    """A secret can't be read: names it, the permission and the remedy, and never its value."""


class Secrets:
    """Reads secrets, and keeps them for a while.

    The cache is that of Powertools' parameters; it goes by the wall clock, so time spent frozen
    counts. Safe to share between invocations and threads.

    Args:
        ttl: How long a value is kept.
        timeout: Seconds that reading one may take.

    Example:
        ```python
        SECRETS = Secrets()

        async def configure(config: LambdaWorkerConfig) -> None:
            database = await SECRETS.get("my-app/database#password")
        ```
    """

    def __init__(self, ttl: timedelta = DEFAULT_TTL, timeout: float = FETCH_SECONDS) -> None:
        self._ttl = max(ttl, LEAST_TTL)
        self._timeout = timeout
        self._providers: dict[tuple[str, str | None], Any] = {}
        # Powertools' providers are not made for several threads.
        self._lock = threading.Lock()

    def load(self) -> None:
        """Import what reading a secret takes: some 0.2 s, or several times that without bytecode.

        Raises:
            MissingExtraError: The extra ``aws`` is not installed.
        """
        _libraries()

    async def get(self, reference: str | Reference, *, refresh: bool = False) -> HiddenText:
        """The value of a secret.

        Args:
            reference: See :py:meth:`temporal_lambda.aws.reference.Reference.parse`.
            refresh: Ask AWS even if the value is known.

        Returns:
            The value, as text whose ``repr`` does not show it.

        Raises:
            SecretError: It can't be read, or did not come in time. A thread that hangs in a call
                is left behind; botocore's own timeouts end it.
            SettingsError: The reference has no such form.
        """
        known = Reference.parse(reference) if isinstance(reference, str) else reference
        try:
            async with at_most(self._timeout):
                return await asyncio.to_thread(self._get, known, refresh)
        except TimeExpired:
            raise SecretError(
                f"{known} did not come within {self._timeout:.0f} s: in a VPC, the function needs "
                f"a route to {known.service}, such as a VPC endpoint"
            ) from None

    def _get(self, reference: Reference, refresh: bool) -> HiddenText:
        with self._lock:
            text = self._fetch(reference, force=refresh)
        return _part(text, reference)

    def _fetch(self, reference: Reference, *, force: bool) -> str:
        provider = self._provider(reference)
        options: dict[str, Any] = {"decrypt": True} if reference.service == "ssm" else {}
        try:
            value = provider.get(
                reference.name,
                max_age=int(self._ttl.total_seconds()),
                force_fetch=force,
                **options,
            )
        except Exception as error:
            # No cause, and not its text: whatever it has seen may be in it.
            raise SecretError(_explain(reference, error)) from None
        return value.decode() if isinstance(value, bytes) else str(value)

    def _provider(self, reference: Reference) -> Any:
        key = reference.service, reference.region
        if key not in self._providers:
            self._providers[key] = _make_provider(*key)
        return self._providers[key]


def _libraries() -> tuple[Any, Any]:
    try:
        import boto3
        from aws_lambda_powertools.utilities import parameters
    except ModuleNotFoundError as error:
        raise MissingExtraError("temporal_lambda.aws", "aws", error) from None
    return boto3, parameters


def _make_provider(service: str, region: str | None) -> Any:
    boto3, parameters = _libraries()
    from botocore.config import Config

    config = Config(
        connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2}
    )
    try:
        client = boto3.client(service, region_name=region, config=config)
    except Exception as error:
        raise SecretError(f"{service} can't be used: {type(error).__name__}") from None
    provider = parameters.SSMProvider if service == "ssm" else parameters.SecretsProvider
    return provider(boto3_client=client)


def _explain(reference: Reference, error: Exception) -> str:
    """Why it can't be read: by AWS's code for it, which is in what caused Powertools' error."""
    causes: list[BaseException | None] = [error, error.__cause__, error.__context__]
    responses = [getattr(cause, "response", None) for cause in causes]
    response = next((found for found in responses if isinstance(found, dict)), {})
    code = response.get("Error", {}).get("Code", "")
    if code in DENIED:
        return (
            f"{reference} may not be read: the function's role needs {reference.action} on it, and "
            "kms:Decrypt if it is encrypted with a key of your own"
        )
    if code in MISSING:
        return f"{reference} does not exist in this account and region: check its name and region"
    if code.startswith(ENCRYPTION):
        return f"{reference} can't be decrypted ({code}): the function's role needs kms:Decrypt"
    what = code or type(causes[2] or error).__name__
    return f"{reference} can't be read ({what}): is {reference.service} reachable from here?"


def _part(text: str, reference: Reference) -> HiddenText:
    if reference.key is None:
        return HiddenText(text)
    try:
        document = json.loads(text)
    except ValueError:
        raise SecretError(f"{reference}: the value is not JSON, so it has no keys") from None
    if not isinstance(document, dict) or not isinstance(document.get(reference.key), str):
        raise SecretError(f"{reference}: the JSON object has no such key with a text")
    return HiddenText(document[reference.key])
