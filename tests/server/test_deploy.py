"""Builds go out and come back: real Temporal server and controller, an AWS account of moto's."""

from __future__ import annotations

import asyncio
import json
from collections import Counter

import boto3
import pytest

from tests.support.aws_account import EXTERNAL_ID, INVOKE_ROLE, REGION, Account
from tests.support.builds import WORKFLOWS, Builds

INVOKER = ("--invoke-role", INVOKE_ROLE, "--external-id", EXTERNAL_ID)
CREDENTIALS_OF_BOTO = {
    "region_name": REGION,
    "aws_access_key_id": "local",
    "aws_secret_access_key": "local",
}


@pytest.mark.timeout(300)
async def test_two_builds_from_the_first_deploy_to_the_clean_up(
    builds: Builds, account: Account
) -> None:
    first, second = builds.package("1.0"), builds.package("2.0")
    packaged = first.read_bytes()
    builds.package_again(first)
    assert first.read_bytes() == packaged

    plan = await builds.nothing_to_do(*builds.deploy_command(first, "--dry-run"))
    assert set(plan.outcomes.values()) == {"planned"}

    queue = "arn:aws:sqs:us-east-1:123456789012:failed-events"
    deployed = await builds.deploy(first, "--on-failure", queue)
    assert deployed.code == 0, deployed.output
    assert await builds.workflow() == "1.0"
    assert account.delivery(builds.name, "1") == {
        "MaximumRetryAttempts": 0,
        "MaximumEventAgeInSeconds": 60,
        "DestinationConfig": {"OnFailure": {"Destination": queue}},
    }
    await builds.nothing_to_do(*builds.deploy_command(first))

    ramp = builds.deploy_command(second, "--ramp", "50")
    ramped = await builds.run(*ramp)
    assert ramped.code == 0, ramped.output
    split = Counter(await asyncio.gather(*(builds.workflow() for _ in range(20))))
    assert set(split) == {"1.0", "2.0"}, split
    await builds.nothing_to_do(*ramp)

    account.writes.clear()
    promoted = await builds.deploy(second)
    assert promoted.code == 0, promoted.output
    assert [what for what, outcome in promoted.outcomes.items() if outcome == "done"] == [
        "ramp to build 2.0",
        f"routing of {builds.name}",
    ]
    assert await builds.workflow() == "2.0"
    await builds.nothing_to_do(*builds.deploy_command(second))

    await builds.nothing_to_do("rollback", builds.name, "--only-ramp")
    account.writes.clear()
    back = await builds.run("rollback", builds.name)
    assert back.code == 0, back.output
    assert account.writes == [], "AWS has nothing to do with it"
    assert await builds.workflow() == "1.0"
    await builds.nothing_to_do("rollback", builds.name, "--to", "1.0")
    no_further = await builds.run("rollback", builds.name)
    assert no_further.code == 1
    assert "no build that was current before 1.0" in no_further.output

    while not any(build["deletable"] for build in (await builds.status())["builds"]):
        await asyncio.sleep(0.5)
    await builds.nothing_to_do("clean-up", builds.name)
    cleaned = await builds.run("clean-up", builds.name, "--keep", "0")
    assert cleaned.code == 0, cleaned.output
    (deleted,) = account.writes
    assert deleted.startswith("DELETE ")
    assert deleted.endswith(f":function:{builds.name}:2")
    await builds.nothing_to_do("clean-up", builds.name, "--keep", "0")
    await builds.nothing_to_do("status", builds.name)
    assert [build["build_id"] for build in (await builds.status())["builds"]] == ["1.0"]
    assert await builds.workflow() == "1.0"


async def test_version_that_a_stack_has_published_is_registered_and_left_as_it_is(
    builds: Builds, account: Account, role: str
) -> None:
    archive = builds.package("1.0")

    def as_a_stack_does() -> None:
        aws = boto3.client("lambda", endpoint_url=account.endpoint, **CREDENTIALS_OF_BOTO)
        variables = {
            "TEMPORAL_ADDRESS": account.temporal.address,
            "TEMPORAL_LAMBDA_IDLE_TIMEOUT": "1300ms",
        }
        report = json.loads(archive.with_suffix(".zip.json").read_text())
        aws.create_function(
            FunctionName=builds.name,
            Role=role,
            Handler=report["handler"],
            Runtime=f"python{report['python']}",
            Architectures=[report["arch"]],
            Timeout=20,
            MemorySize=1024,
            Environment={"Variables": variables},
            Code={"ZipFile": archive.read_bytes()},
        )
        version = aws.publish_version(FunctionName=builds.name)["Version"]
        aws.put_function_event_invoke_config(
            FunctionName=builds.name,
            Qualifier=version,
            MaximumRetryAttempts=0,
            MaximumEventAgeInSeconds=60,
            DestinationConfig={"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:1:failed"}},
        )

    await asyncio.to_thread(as_a_stack_does)
    account.writes.clear()
    deployed = await builds.run("deploy", str(archive), *INVOKER)
    assert deployed.code == 0, deployed.output
    assert account.writes == []
    assert await builds.workflow() == "1.0"


async def test_zip_goes_by_way_of_s3_and_is_what_was_packaged(
    builds: Builds, account: Account
) -> None:
    account.client("s3").create_bucket(Bucket="zips")
    archive = builds.package("1.0")
    deployed = await builds.deploy(archive, "--bucket", "zips")
    assert deployed.code == 0, deployed.output
    (stored,) = account.client("s3").list_objects_v2(Bucket="zips")["Contents"]
    content = json.loads(archive.with_suffix(".zip.json").read_text())["content_sha256"]
    assert stored["Key"] == f"temporal-lambda/{builds.name}/{content}.zip"
    await builds.nothing_to_do(*builds.deploy_command(archive, "--bucket", "zips"))


async def test_check_reads_the_role_that_invokes(builds: Builds, account: Account) -> None:
    assert (await builds.deploy(builds.package("1.0"))).code == 0
    arn = f"arn:aws:lambda:us-east-1:123456789012:function:{builds.name}"
    iam = account.client("iam")
    trust = {"Statement": [{"Condition": {"StringEquals": {"sts:ExternalId": "mine"}}}]}
    actions = ["lambda:InvokeFunction", "lambda:GetFunction"]
    iam.create_role(RoleName="invoke", AssumeRolePolicyDocument=json.dumps(trust))
    try:
        for resources, found in (([f"{arn}:*"], True), ([arn, f"{arn}:*"], False)):
            allow = {"Effect": "Allow", "Action": actions, "Resource": resources}
            policy = {"Version": "2012-10-17", "Statement": [allow]}
            iam.put_role_policy(
                RoleName="invoke", PolicyName="invoke", PolicyDocument=json.dumps(policy)
            )
            checked = await builds.run("check", builds.name)
            assert ("invoke-role: " in checked.output) is found, checked.output
            assert "not-checked" not in checked.output
    finally:
        iam.delete_role_policy(RoleName="invoke", PolicyName="invoke")
        iam.delete_role(RoleName="invoke")


async def test_check_finds_what_code_and_deployed_function_lack(
    builds: Builds, account: Account
) -> None:
    key = ("--env", "DATABASE_PASSWORD=open-for-all")
    archive = builds.package("1.0")
    account.writes.clear()
    refused = await builds.deploy(archive, *key)
    assert refused.code == 1
    assert "--env holds credentials, in DATABASE_PASSWORD: everybody who" in refused.output
    assert "open-for-all" not in refused.output
    assert account.writes == []
    assert (await builds.deploy(archive, *key, "--allow-secrets")).code == 0
    account.writes.clear()
    account.temporal_writes.clear()
    checked = await builds.run("check", str(archive), "--json")
    assert checked.code == 1
    assert "open-for-all" not in checked.output
    found = {finding["id"]: finding for finding in json.loads(checked.output)}
    # The role is known to the account's STS alone, and moto does not say how a function logs.
    assert set(found) == {
        "secret-in-environment",
        "not-checked",
        "log-format",
        "failure-destination",
        "no-bytecode",
        "idle-timeout",
    }
    assert "NoSuchEntity" in found["not-checked"]["why"]
    other = builds.package("1.0", workflows=f"{WORKFLOWS}\n# changed")
    assert "other-code" in (await builds.run("check", str(other))).output
    assert not [write for write in account.writes if not write.startswith("POST iam")]
    assert account.temporal_writes == []
