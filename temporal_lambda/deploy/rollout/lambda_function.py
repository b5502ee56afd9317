"""A Lambda function and its published versions: changed only where they differ."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import WaiterError

from temporal_lambda.deploy.connections import ask_aws
from temporal_lambda.deploy.errors import DeployError
from temporal_lambda.deploy.packaging.refusals import DIRECT_LIMIT
from temporal_lambda.deploy.packaging.report import Report
from temporal_lambda.deploy.rollout.journal import Journal

ROLE_ATTEMPTS = 10
"""How often a function is created while its role is too new to be assumed; 2 s apart."""

MISSING = ("ResourceNotFoundException",)

WAITERS = {"Delay": 1, "MaxAttempts": 600}
"""Ten minutes; a version with SnapStart takes a few."""


@dataclass(frozen=True)
class Options:
    """What a function should be like; ``None`` leaves it as it is.

    Args:
        name: The function's name.
        role: ARN of the execution role; needed to create the function.
        timeout: Seconds; 600 for a new function.
        memory_mb: Megabytes; 512 for a new function.
        environment: Variables to set; others stay.
        bucket: S3 bucket for a zip that is too large for a direct upload.
    """

    name: str
    role: str | None = None
    timeout: int | None = None
    memory_mb: int | None = None
    environment: Mapping[str, str] | None = None
    bucket: str | None = None


NEW = {"Timeout": 600, "MemorySize": 512}
"""A new function's timeout and memory; Lambda's own defaults, 3 s and 128 MB, are no use here."""


class LambdaFunction:
    """A function.

    Args:
        client: boto3's client for Lambda.
        s3: A function that makes boto3's client for S3.
        options: What the function should be like.
        archive: The zip.
        report: The zip's report.
    """

    def __init__(
        self, client: Any, s3: Any, options: Options, archive: Path, report: Report
    ) -> None:
        self.client = client
        self._s3 = s3
        self._options = options
        self._archive = archive
        self._report = report
        self.name = options.name

    def read(self) -> dict[str, Any] | None:
        """The configuration of ``$LATEST``; ``None`` if there is no such function."""
        return self._configuration(None)

    def read_version(self, number: str) -> dict[str, Any] | None:
        """The configuration of a published version; ``None`` if there is none."""
        return self._configuration(number)

    def _configuration(self, qualifier: str | None) -> dict[str, Any] | None:
        found: dict[str, Any] | None = ask_aws(
            f"function {self.name} can't be read",
            self.client.get_function_configuration,
            unless=MISSING,
            FunctionName=self.name,
            **({"Qualifier": qualifier} if qualifier else {}),
        )
        return found

    def wanted(self, existing: Mapping[str, Any] | None) -> dict[str, Any]:
        """The configuration that the function should have, as AWS writes it."""
        options, now = self._options, existing or NEW
        variables = {
            **(existing or {}).get("Environment", {}).get("Variables", {}),
            **(options.environment or {}),
        }
        return {
            "Role": options.role or now.get("Role"),
            "Handler": self._report.handler,
            "Runtime": f"python{self._report.python}",
            "Timeout": options.timeout or now["Timeout"],
            "MemorySize": options.memory_mb or now["MemorySize"],
            "Environment": {"Variables": variables},
        }

    def differs(self, existing: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
        """Names of the settings in which a configuration is not the wanted one."""
        there = {"Environment": {"Variables": {}}, **existing}
        there["Environment"] = {"Variables": there["Environment"].get("Variables", {})}
        return [name for name, value in wanted.items() if there.get(name) != value]

    async def apply(
        self, journal: Journal, existing: Mapping[str, Any] | None, wanted: Mapping[str, Any]
    ) -> None:
        """Create the function, or update its code and configuration where they differ."""
        if existing is None:
            await self._create(journal, wanted)
            return
        self._wait("function_updated_v2")
        what = f"code of {self.name}"
        if existing["CodeSha256"] == self._report.code_sha256 and existing["Architectures"] == [
            self._report.arch
        ]:
            journal.unchanged(what)
        else:
            await journal.change(what, f"upload {self._archive.name}", self._update_code)
        what = f"configuration of {self.name}"
        if differing := self.differs(existing, wanted):
            await journal.change(
                what, f"set {', '.join(differing)}", lambda: self._update_configuration(wanted)
            )
        else:
            journal.unchanged(what)

    async def _create(self, journal: Journal, wanted: Mapping[str, Any]) -> None:
        if not wanted["Role"]:
            raise DeployError(
                f"there is no function {self.name} yet, and to create it takes the ARN of its "
                "execution role: pass --role"
            )
        await journal.change(
            f"function {self.name}",
            f"create, {wanted['Runtime']}, {self._report.arch}, {wanted['MemorySize']} MB, "
            f"{wanted['Timeout']} s",
            lambda: self._create_function(wanted),
        )

    def _create_function(self, wanted: Mapping[str, Any]) -> None:
        arguments = {
            "FunctionName": self.name,
            "Code": self._code(),
            "Architectures": [self._report.arch],
            "LoggingConfig": {"LogFormat": "JSON"},
            **wanted,
        }
        for attempt in range(1, ROLE_ATTEMPTS + 1):
            try:
                ask_aws(
                    f"function {self.name} can't be created",
                    self.client.create_function,
                    **arguments,
                )
                break
            except DeployError as error:
                # IAM tells Lambda of a new role some seconds late.
                if "cannot be assumed by Lambda" not in str(error) or attempt == ROLE_ATTEMPTS:
                    raise
            time.sleep(2)
        self._wait("function_active_v2")

    def _update_code(self) -> None:
        ask_aws(
            f"the code of {self.name} can't be updated",
            self.client.update_function_code,
            FunctionName=self.name,
            Architectures=[self._report.arch],
            **self._code(),
        )
        self._wait("function_updated_v2")

    def _update_configuration(self, wanted: Mapping[str, Any]) -> None:
        ask_aws(
            f"the configuration of {self.name} can't be updated",
            self.client.update_function_configuration,
            FunctionName=self.name,
            **wanted,
        )
        self._wait("function_updated_v2")

    def _code(self) -> dict[str, Any]:
        if not self._options.bucket:
            if self._report.zipped_bytes > DIRECT_LIMIT:
                raise DeployError(
                    f"{self._archive} has {self._report.zipped_bytes / 1e6:.1f} MB, too much for a "
                    "direct upload (50 MB): name an S3 bucket with --bucket"
                )
            return {"ZipFile": self._archive.read_bytes()}
        key = f"temporal-lambda/{self.name}/{self._report.content_sha256}.zip"
        with self._archive.open("rb") as body:
            ask_aws(
                f"{self._archive} can't be put into bucket {self._options.bucket}",
                self._s3().put_object,
                Bucket=self._options.bucket,
                Key=key,
                Body=body,
            )
        return {"S3Bucket": self._options.bucket, "S3Key": key}

    def find_version(self, wanted: Mapping[str, Any]) -> str | None:
        """Number of the latest published version with this code and configuration."""
        pages = self.client.get_paginator("list_versions_by_function").paginate(
            FunctionName=self.name
        )
        versions = ask_aws(
            f"the versions of {self.name} can't be listed",
            lambda: [version for page in pages for version in page["Versions"]],
        )
        fitting = [
            version["Version"]
            for version in versions
            if version["Version"] != "$LATEST"
            and version["CodeSha256"] == self._report.code_sha256
            and not self.differs(version, wanted)
        ]
        return max(fitting, key=int, default=None)

    def publish(self, build_id: str) -> str:
        """Publish a version of the code that was uploaded.

        Returns:
            Its number, once it can be invoked.
        """
        published = ask_aws(
            f"{self.name} can't be published",
            self.client.publish_version,
            FunctionName=self.name,
            CodeSha256=self._report.code_sha256,
            Description=f"build {build_id}",
        )
        number = str(published["Version"])
        self._wait("published_version_active", Qualifier=number)
        return number

    def arn(self, existing: Mapping[str, Any], number: str) -> str:
        """The ARN of a version."""
        unqualified = ":".join(existing["FunctionArn"].split(":")[:7])
        return f"{unqualified}:{number}"

    def _wait(self, waiter: str, **arguments: str) -> None:
        try:
            self.client.get_waiter(waiter).wait(
                FunctionName=self.name, WaiterConfig=WAITERS, **arguments
            )
        except WaiterError as error:
            last = error.last_response if isinstance(error.last_response, dict) else {}
            configuration = last.get("Configuration", last)
            why = (
                configuration.get("StateReason")
                or configuration.get("LastUpdateStatusReason")
                or str(error)
            )
            raise DeployError(f"{self.name} does not become ready: {why}") from None
