"""Temporal's connection profile: what can't have been meant, and credentials."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest
from temporalio.common import WorkerDeploymentVersion

from temporal_lambda import LambdaWorkerConfig, SettingsError, run_worker
from temporal_lambda.settings.sources import load_settings
from tests.support.configurations import completed
from tests.support.invocations import Serving, at_once, run_invocation

SECRET = "ey-top-secret"


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("profile", "message"),
    [
        ('adress = "h:1"', r"\[profile.default\]: unknown key 'adress'; did you mean 'address'\?"),
        ('api-key = "k"', r"unknown key 'api-key'; did you mean 'api_key'\?"),
        ('address = ""', r"\[profile.default\] address is empty"),
        ('tls = { server_nme = "x" }', r"\[profile.default.tls\]: unknown key 'server_nme'; did"),
        ('address = "https://h:1"', "must be host:port, without a scheme"),
    ],
)
def test_profile_that_cant_be_meant_is_an_error(
    profile: str, message: str, working_directory: Path
) -> None:
    (working_directory / "temporal.toml").write_text(f"[profile.default]\n{profile}\n")
    with pytest.raises(SettingsError, match=message):
        load_settings({})


def test_unknown_key_that_resembles_none_is_only_warned_of(
    working_directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (working_directory / "temporal.toml").write_text('[profile.default]\noauth = "x"\n')
    load_settings({})
    assert "[profile.default]: unknown key 'oauth' has no effect" in caplog.text


@pytest.mark.parametrize("name", ["TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"])
@pytest.mark.parametrize("value", ["", " "])
def test_empty_variable_is_an_error(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name} is set, but empty"):
        load_settings({name: value})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("TEMPORAL_ADRESS", "TEMPORAL_ADDRESS"),
        ("TEMPORAL_APIKEY", "TEMPORAL_API_KEY"),
        ("TEMPORAL_TASKQUEUE", "TEMPORAL_TASK_QUEUE"),
        ("TEMPORAL_LAMDA_IDLE_TIMEOUT", "TEMPORAL_LAMBDA_IDLE_TIMEOUT"),
    ],
)
def test_misspelt_variable_is_warned_of(
    name: str, meant: str, caplog: pytest.LogCaptureFixture
) -> None:
    load_settings({name: "x"})
    assert f"unknown environment variable {name}; did you mean {meant}?" in caplog.text


@pytest.mark.parametrize("name", ["TEMPORAL_VERSION", "TEMPORAL_GRPC_META_X", "TEMPORALITY"])
def test_variables_of_others_are_no_concern(name: str, caplog: pytest.LogCaptureFixture) -> None:
    load_settings({name: "x"})
    assert not caplog.records


def test_profile_without_a_file_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    load_settings({"TEMPORAL_PROFILE": "prod"})
    assert "TEMPORAL_PROFILE names prod, but there is no temporal.toml" in caplog.text


def test_white_space_around_a_credential_and_an_address_is_taken_off() -> None:
    connect = load_settings(
        {
            "TEMPORAL_API_KEY": f" {SECRET}\n",
            "TEMPORAL_ADDRESS": " h:7233 ",
            "TEMPORAL_GRPC_META_X_TOKEN": "token\n",
        }
    ).connect
    assert connect["api_key"] == SECRET
    assert connect["target_host"] == "h:7233"
    assert connect["rpc_metadata"] == {"x-token": "token"}


@pytest.mark.parametrize("name", ["TEMPORAL_API_KEY", "TEMPORAL_GRPC_META_X_TOKEN"])
def test_credential_with_a_line_break_is_refused_by_name_and_not_shown(name: str) -> None:
    what = "api_key" if "API" in name else "header 'x-token'"
    with pytest.raises(SettingsError, match=f"{what} in the environment holds a line") as error:
        load_settings({name: f"{SECRET}\n{SECRET}"})
    assert SECRET not in str(error.value)


def test_credential_set_by_the_callback_is_treated_alike() -> None:
    def change(config: LambdaWorkerConfig) -> None:
        config.client_connect_config["api_key"] = f"{SECRET}\n"

    assert completed(change).client_connect_config["api_key"] == SECRET
    with pytest.raises(SettingsError, match="api_key in client_connect_config holds a line break"):
        completed(lambda config: config.client_connect_config.update(api_key="a\rb"))


def with_variables(error: BaseException) -> str:
    """A traceback as error reporters make it: with the variables of each frame."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def test_no_credential_shows_in_the_variables_of_a_configuration() -> None:
    config = completed(connect={"api_key": SECRET, "rpc_metadata": {"authorization": SECRET}})
    assert SECRET not in repr(vars(config))
    assert config.client_connect_config["api_key"] == SECRET


@pytest.mark.parametrize("text", ["[profile.default", "[lambda_worker]\nidle_timout = 1"])
def test_no_credential_shows_in_a_traceback_of_the_cold_start(
    text: str, working_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (working_directory / "temporal.toml").write_text(
        f'[profile.other]\napi_key = "{SECRET}"\n{text}\n'
    )
    monkeypatch.setenv("TEMPORAL_API_KEY", SECRET)
    with pytest.raises(SettingsError) as raised:
        run_worker(WorkerDeploymentVersion("service", "1"), lambda config: None)
    assert SECRET not in with_variables(raised.value)


def test_no_credential_shows_in_a_traceback_of_the_connection() -> None:
    def configure(config: LambdaWorkerConfig) -> None:
        config.worker_config["task_queue"] = "q"
        connect: Any = config.client_connect_config
        connect.update(
            target_host="127.0.0.1:1",
            api_key=SECRET,
            tls=False,
            rpc_metadata={"x-authorization": SECRET},
        )

    run = run_invocation(configure, Serving(at_once))
    assert type(run.error).__name__ == "ConnectError"
    assert run.error
    assert SECRET not in with_variables(run.error)


@pytest.mark.parametrize(
    ("version", "environ", "expected"),
    [
        (None, ("env", "7"), ("env", "7")),
        (WorkerDeploymentVersion("code", ""), ("env", "7"), ("code", "7")),
        (WorkerDeploymentVersion("code", "1"), ("env", "7"), ("code", "1")),
    ],
)
def test_settings_say_of_the_version_what_the_code_leaves_out(
    version: Any,
    environ: tuple[str, str],
    expected: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TEMPORAL_LAMBDA_DEPLOYMENT_NAME", environ[0])
    monkeypatch.setenv("TEMPORAL_LAMBDA_BUILD_ID", environ[1])
    handler: Any = run_worker(version, lambda config: None)
    assert handler.version == WorkerDeploymentVersion(*expected)


def test_version_that_nobody_sets_is_an_error_that_names_both_ways() -> None:
    with pytest.raises(SettingsError, match="must have a deployment_name and a build_id") as error:
        run_worker(None, lambda config: None)
    assert "TEMPORAL_LAMBDA_BUILD_ID" in str(error.value)


def test_default_versioning_behavior_is_that_of_the_settings_unless_the_callback_has_one() -> None:
    versioning = completed(default_versioning_behavior="pinned").worker_config["deployment_config"]
    assert versioning
    assert versioning.default_versioning_behavior.name == "PINNED"
