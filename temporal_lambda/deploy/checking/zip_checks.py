"""Findings about a zip, and about its build on the server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from temporal_lambda.deploy.checking.findings import Finding
from temporal_lambda.deploy.packaging.report import Report
from temporal_lambda.deploy.rollout.inventory import Build


def check_zip(report: Report, is_as_reported: bool, secrets: Sequence[str]) -> Iterator[Finding]:
    """Findings about a zip.

    Args:
        report: Of the zip.
        is_as_reported: Whether it is the one that the report is about.
        secrets: Credentials in it: file, line and kind.
    """
    if not is_as_reported:
        yield Finding(
            "zip-changed",
            "error",
            f"{report.zip} is not the zip that its report is about",
            "'deploy' refuses it, since nobody knows what is in it",
            "package it anew, and keep zip and report together",
        )
    if secrets:
        yield Finding(
            "secret-in-zip",
            "error",
            f"{report.zip} has credentials in it: {'; '.join(secrets)}",
            "everybody who may read the function's code can read them",
            "keep them in Secrets Manager, and name them by settings such as api_key_secret",
        )
    if not report.bytecode.get("compiled"):
        yield Finding(
            "no-bytecode",
            "warning",
            f"{report.zip} has no bytecode: {report.bytecode.get('why_not')}",
            "every cold start compiles all of its code anew, which takes about as long again",
            f"package it where there is a Python {report.python}, with --bytecode require",
        )


def check_build(report: Report, found: Sequence[Build]) -> Iterator[Finding]:
    """Findings about the build of a zip on the server.

    Args:
        report: Of the zip.
        found: The builds of its deployment.
    """
    same = next((build for build in found if build.build_id == report.build_id), None)
    if same is None:
        yield Finding(
            "build-not-out",
            "note",
            f"build {report.build_id} of {report.zip} is not on the server",
            "nothing of it runs yet",
            "deploy it",
        )
    elif same.content_sha256 and report.content_sha256 != same.content_sha256:
        yield Finding(
            "other-code",
            "error",
            f"build {report.build_id} is out, with other code than {report.zip}",
            "'deploy' refuses it: workflows pinned to the build would not fit that code",
            "give this code another build id",
        )
    for build in found:
        if build.content_sha256 == report.content_sha256 and build.build_id != report.build_id:
            yield Finding(
                "build-id",
                "error",
                f"the server has the code of {report.zip} as build {build.build_id}, and the code "
                f"says that it is build {report.build_id}",
                "its worker polls as the one and is invoked for the other, again and again",
                "register the build that the code says",
            )
