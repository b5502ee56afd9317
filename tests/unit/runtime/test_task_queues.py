"""Which workers a configuration asks for."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, cast

import pytest
from temporalio import activity, workflow
from temporalio.common import RawValue, WorkerDeploymentVersion

from temporal_lambda import LambdaWorkerConfig
from temporal_lambda.errors import SettingsError
from temporal_lambda.runtime.config_factory import ConfigFactory
from temporal_lambda.runtime.task_queues import what_is_served, worker_configs
from temporal_lambda.settings.sources import Settings


def configured(*more: Any) -> LambdaWorkerConfig:
    factory = ConfigFactory(Settings({}, {}, None), WorkerDeploymentVersion("orders", "1"))
    config = factory.new()
    config.worker_config["task_queue"] = "orders"
    config.worker_config["activities"] = [print]
    config.more_workers += more
    factory.complete(config)
    return config


def test_further_worker_has_the_options_of_the_first_but_what_it_serves() -> None:
    config = configured({"task_queue": "reports", "max_concurrent_activities": 1})
    first, second = worker_configs(config)
    assert second["task_queue"] == "reports"
    assert "activities" not in second
    assert second["max_concurrent_activities"] == 1
    same = set(first) - {"task_queue", "activities", "max_concurrent_activities"}
    assert {option: second[option] for option in same} == {option: first[option] for option in same}
    assert first == cast(dict[str, Any], config.worker_config)


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({}, r"more_workers\[0\]\[\"task_queue\"\] must be a name; got None"),
        ({"task_queue": " "}, "must be a name; got ' '"),
        ({"task_queue": 7}, "must be a name; got 7"),
        ({"task_queue": "orders"}, "task queue 'orders', which another worker"),
        ("reports", r"more_workers\[0\] must be a dict of worker options; got str"),
        (
            {"task_queue": "reports", "deployment_config": None},
            "sets deployment_config, which is the same for all workers",
        ),
    ],
)
def test_further_worker_that_can_not_be_is_refused(more: Any, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        configured(more)


def test_two_further_workers_need_two_task_queues() -> None:
    with pytest.raises(SettingsError, match=r"more_workers\[1\] polls task queue 'reports'"):
        configured({"task_queue": "reports"}, {"task_queue": "reports"})


@workflow.defn(name="greet")
class Greeting:
    @workflow.run
    async def run(self) -> None: ...


class Packer:
    @activity.defn(name="pack")
    def __call__(self) -> None: ...

    @activity.defn
    def unpack(self) -> None: ...


def test_what_is_served_has_the_names_that_callers_use() -> None:
    packer = Packer()
    options = {"task_queue": "q", "workflows": [Greeting], "activities": [packer, packer.unpack]}
    assert what_is_served(options) == {
        "task_queue": "q",
        "workflows": ["greet"],
        "activities": ["pack", "unpack"],
    }


class Sender:
    """An activity that is dynamic, so that nothing but its code names it."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __repr__(self) -> str:
        return f"Sender(key={self._key!r})"

    @activity.defn(dynamic=True)
    async def __call__(self, arguments: Sequence[RawValue]) -> None: ...


@pytest.mark.parametrize(
    "found",
    [Sender("key-1"), functools.partial(Sender("key-1"), [])],
    ids=["object", "partial"],
)
def test_what_an_object_holds_is_not_in_its_name(found: Any) -> None:
    """The log of a cold start has it."""
    served = what_is_served({"task_queue": "mail", "activities": [found]})
    assert served["activities"] == ["Sender"]
