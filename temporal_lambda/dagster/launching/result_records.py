"""Results that functions leave in S3, for runs whose waiting process is gone."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from temporal_lambda.dagster.launching.clients import Clients
from temporal_lambda.dagster.launching.invoke import Answer
from temporal_lambda.dagster.launching.redact import redacted
from temporal_lambda.errors import SettingsError, TemporalLambdaError

MAX_BYTES = 6 * 1024 * 1024
"""Of a record; a function returns no more (AWS quota)."""

ABSENT = (403, 404)
"""HTTP status of S3 for what is not there; 403 where the caller may not list the bucket."""


class RecordError(TemporalLambdaError):
    """A record can't be read at the moment."""


def record_address(records: str, run_id: str) -> str:
    """Where the function of a run leaves its answer.

    Args:
        records: ``result_records`` of the launcher's config.
        run_id: The run.

    Raises:
        SettingsError: ``records`` is no address of a place in S3.

    Example:
        >>> record_address("s3://results/dagster", "9d6c")
        's3://results/dagster/9d6c.json'
    """
    bucket, _, prefix = records.removeprefix("s3://").partition("/")
    if not records.startswith("s3://") or not bucket:
        raise SettingsError(
            f"run_launcher.config.result_records must be s3://<bucket>/<prefix>; got {records!r}"
        )
    return f"s3://{bucket}/{'/'.join(part for part in (prefix.strip('/'), run_id) if part)}.json"


def find_record(clients: Clients, address: str) -> Answer | None:
    """The answer that a function has left, as if it had been waited for.

    Args:
        clients: Clients of AWS.
        address: See ``record_address``.

    Returns:
        The answer; ``None`` if there is none (yet).

    Raises:
        RecordError: S3 can't be asked, or the record is too large.
    """
    bucket, _, key = address.removeprefix("s3://").partition("/")
    try:
        found = clients.s3().get_object(Bucket=bucket, Key=key)
        if found["ContentLength"] > MAX_BYTES:
            raise RecordError(f"{address} has {found['ContentLength']} bytes; at most {MAX_BYTES}")
        return Answer(200, request_id="", payload=found["Body"].read())
    except ClientError as error:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if status in ABSENT:
            return None
        raise RecordError(f"{address} can't be read: {redacted(error)}") from None
    except BotoCoreError as error:
        raise RecordError(f"{address} can't be read: {redacted(error)}") from None
