"""Worker deployments as the server describes them."""

from __future__ import annotations

from temporalio.api.compute.v1 import ComputeConfig, ComputeConfigScalingGroup, ComputeProvider

from temporal_lambda.worker_deployment import Compute, DeploymentState

ARN = "arn:aws:lambda:us-east-1:123456789012:function:greeting:5"


def test_compute_is_what_the_server_gives_back() -> None:
    for compute in (Compute(ARN), Compute(ARN, "arn:aws:iam::1:role/invoke", "external")):
        config = ComputeConfig(scaling_groups={"default": compute.to_message()})
        assert Compute.from_message(config) == compute


def test_compute_of_another_kind_is_none_of_ours() -> None:
    other = ComputeConfigScalingGroup(provider=ComputeProvider(type="other"))
    assert Compute.from_message(ComputeConfig(scaling_groups={"default": other})) is None
    assert Compute.from_message(ComputeConfig()) is None


def test_external_id_is_not_printed() -> None:
    assert "hush" not in repr(Compute(ARN, "role", "hush"))


def state(current: str | None, ramping: str | None, ramp: float) -> DeploymentState:
    return DeploymentState("greeting", current, ramping, ramp, True, (), b"")


def test_share_of_new_workflows() -> None:
    ramp = state("1", "2", 25.0)
    assert [ramp.share(build) for build in ("1", "2", "3")] == [75.0, 25.0, 0.0]
    assert state("1", None, 0.0).share("1") == 100.0
    assert state(None, None, 0.0).share("1") == 0.0
