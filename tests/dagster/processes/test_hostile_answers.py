"""Whatever a function answers, its run ends and all of Dagster's pages load."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dagster import AssetKey, DagsterEventType

from tests.dagster.dagster_fixtures import Dagster, Lambda, sync
from tests.dagster.world import World

pytestmark = pytest.mark.server

SPECIAL: list[dict[str, Any]] = [
    {"__class__": "Customer"},
    {"__enum__": "Color.RED"},
    {"__set__": [1]},
    {"__mapping_items__": [[1, 2]]},
    {"__class__": "AssetKey", "path": 3},
]

ODD_KEYS: list[Any] = ["", [], ["a", ""], ["a", 3], "x" * 100_000, "caf\udce9", {}, None]

ANSWERS: dict[str, Any] = {
    "special keys": {"rows": SPECIAL},
    "special keys in outputs": {"ops_processed": 1, "results": {"op_a": SPECIAL}},
    "special keys in metadata": {
        "materializations": [
            {"asset_key": f"hostile/{number}", "metadata": {"value": value, **value}}
            for number, value in enumerate(SPECIAL)
        ]
    },
    "odd asset keys": {"materializations": [{"asset_key": key} for key in ODD_KEYS]},
    "surrogates": {"text": "caf\udce9", "caf\udce9": "\0"},
    "large numbers": {"number": 2**100, "inf": 1e999},
    "deep": {"deep": [[[[[[[[[[1]]]]]]]]]]},
    "long": {"text": "x" * 500_000},
}

FAILURES: dict[str, Any] = {
    "long error": {"statusCode": 500, "body": json.dumps({"error": "caf\udce9" * 100_000})},
    "odd status": {"statusCode": 500.0, "body": "no"},
    "special error": {"statusCode": 500, "body": {"error": SPECIAL}},
}


@pytest.fixture
def dagster(world: World) -> Dagster:
    return world.dagster


def answering(dagster: Dagster, aws: Lambda, what: Any) -> str:
    """A run whose function answers so."""
    if aws.service.find("hostile") is None:
        aws.add("hostile", "answer_from_config")
    config = {"ops": {"op_a": {"config": {"answer": json.dumps(what)}}}}
    tags = sync("hostile", payload_mode="custom", payload_config_path="ops.op_a.config")
    run_id = dagster.launch(tags, config)
    dagster.finished(run_id)
    return run_id


RUN_PAGE = """{ runOrError(runId: "%s") { __typename ... on Run { status stepStats { stepKey }
    eventConnection { events { __typename ... on MessageEvent { message }
      ... on DisplayableEvent { metadataEntries { label ... on TextMetadataEntry { text }
        ... on JsonMetadataEntry { jsonString } } }
      ... on RunFailureEvent { error { message className stack } } } } } } }"""

CATALOG = """{ assetsOrError { __typename ... on AssetConnection { nodes { key { path }
    assetMaterializations(limit: 1) { metadataEntries { label ... on TextMetadataEntry { text }
      ... on JsonMetadataEntry { jsonString } } } } } } }"""


RUNS = """{ runsOrError(limit: 50) { __typename ... on Runs { results { status tags { key value }
    stats { __typename } } } }
  runsFeedOrError(limit: 50, view: RUNS) { __typename
    ... on RunsFeedConnection { results { id } } } }"""

ASSET = """query ($key: AssetKeyInput!) { assetOrError(assetKey: $key) { __typename ... on Asset {
    assetMaterializations { partition metadataEntries { label description } }
    assetObservations { metadataEntries { label } } } } }"""


def test_run_pages_and_the_asset_catalog_load_after_hostile_answers(
    dagster: Dagster, aws: Lambda, world: World
) -> None:
    world.start_webserver()
    ended = {
        **dict.fromkeys(ANSWERS, "SUCCESS"),
        **dict.fromkeys(FAILURES, "FAILURE"),
    }
    for name, what in {**ANSWERS, **FAILURES}.items():
        run_id = answering(dagster, aws, what)
        page = world.ask(RUN_PAGE % run_id)["runOrError"]
        assert (page["__typename"], page["status"]) == ("Run", ended[name]), name
    catalog = world.ask(CATALOG)["assetsOrError"]
    assert catalog["__typename"] == "AssetConnection"
    keys = [AssetKey(["hostile", str(number)]) for number in range(len(SPECIAL))]
    assert {tuple(node["key"]["path"]) for node in catalog["nodes"]} >= {
        tuple(key.path) for key in keys
    }
    assert len(dagster.instance.get_asset_records(keys)) == len(keys)
    for key in keys:
        asset = world.ask(ASSET, key={"path": key.path})["assetOrError"]
        assert len(asset["assetMaterializations"]) == 1
    for name, found in world.ask(RUNS).items():
        assert found["__typename"] in ("Runs", "RunsFeedConnection"), name


def test_materializations_beyond_the_limit_are_left_out_with_a_word(
    dagster: Dagster, aws: Lambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("temporal_lambda.dagster.launching.event_log.MAX_MATERIALIZATIONS", 5)
    entries = [{"asset_key": f"many/{number}"} for number in range(100)]
    run_id = answering(dagster, aws, {"materializations": entries})
    materialized = dagster.messages(run_id, DagsterEventType.ASSET_MATERIALIZATION)
    assert len(materialized) == 5
    assert "95 of them are more than the 5 of a run" in dagster.log(run_id)
