"""Where settings come from, and what happens to bad ones."""

from __future__ import annotations

import logging
import traceback
from datetime import timedelta
from pathlib import Path

import pytest

from temporal_lambda.errors import SettingsError
from temporal_lambda.settings.sources import load_settings
from temporal_lambda.settings.table import SETTINGS, variable
from temporal_lambda.settings.values import duration


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, so that no file is found by chance."""
    directory = tmp_path / "cwd"
    directory.mkdir()
    monkeypatch.chdir(directory)
    return directory


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def address(name: str) -> str:
    return f'[profile.default]\naddress = "{name}:7233"\n'


def test_without_any_file_the_environment_alone_counts() -> None:
    settings = load_settings({"TEMPORAL_ADDRESS": "env:7233", "TEMPORAL_NAMESPACE": "ns"})
    assert settings.file is None
    assert settings.connect == {"target_host": "env:7233", "namespace": "ns"}


def test_explicit_file_wins_over_the_task_root_and_the_working_directory(
    tmp_path: Path, working_directory: Path
) -> None:
    explicit = write(tmp_path / "explicit.toml", address("explicit"))
    task_root = write(tmp_path / "task" / "temporal.toml", address("task-root"))
    write(working_directory / "temporal.toml", address("cwd"))
    environ = {"TEMPORAL_CONFIG_FILE": str(explicit), "LAMBDA_TASK_ROOT": str(task_root.parent)}
    assert load_settings(environ).connect["target_host"] == "explicit:7233"
    del environ["TEMPORAL_CONFIG_FILE"]
    assert load_settings(environ).connect["target_host"] == "task-root:7233"


def test_working_directory_counts_when_the_task_root_has_no_file(
    tmp_path: Path, working_directory: Path
) -> None:
    write(working_directory / "temporal.toml", address("cwd"))
    environ = {"LAMBDA_TASK_ROOT": str(tmp_path)}
    assert load_settings(environ).connect["target_host"] == "cwd:7233"


def test_missing_explicit_file_is_warned_of_by_path_and_not_replaced(
    working_directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(working_directory / "temporal.toml", address("cwd"))
    settings = load_settings({"TEMPORAL_CONFIG_FILE": "/nowhere/temporal.toml"})
    assert settings.file is None
    assert "target_host" not in settings.connect
    (warning,) = caplog.records
    assert warning.levelno == logging.WARNING
    assert "/nowhere/temporal.toml" in warning.getMessage()


def test_empty_explicit_file_variable_counts_as_unset(working_directory: Path) -> None:
    write(working_directory / "temporal.toml", address("cwd"))
    assert load_settings({"TEMPORAL_CONFIG_FILE": ""}).connect["target_host"] == "cwd:7233"


def test_broken_toml_is_an_error_with_path_line_and_reason(working_directory: Path) -> None:
    write(working_directory / "temporal.toml", "[profile.default]\naddress = \n")
    with pytest.raises(SettingsError, match=r"temporal\.toml is not valid TOML: .*line 2") as error:
        load_settings({})
    assert isinstance(error.value, ValueError)


@pytest.mark.parametrize(
    "text",
    [
        '[profile.default]\naddress = "h:1"\napi_key = ["top-secret"]\n',
        '[profile.default.grpc_meta]\nauthorization = ["top-secret"]\n',
        'profile.default = { address = 1, api_key = "top-secret" }\n',
    ],
)
def test_error_about_a_profile_does_not_quote_its_credentials(
    text: str, working_directory: Path
) -> None:
    write(working_directory / "temporal.toml", text)
    with pytest.raises(SettingsError, match=r"temporal\.toml.*line \d+, column") as error:
        load_settings({})
    trace = "".join(traceback.format_exception(error.value))
    assert "top-secret" not in trace


def test_file_may_begin_with_a_byte_order_mark(working_directory: Path) -> None:
    (working_directory / "temporal.toml").write_bytes(b"\xef\xbb\xbf" + address("bom").encode())
    assert load_settings({}).connect["target_host"] == "bom:7233"


def test_profile_variable_chooses_the_profile(working_directory: Path) -> None:
    write(
        working_directory / "temporal.toml",
        address("default") + '[profile.prod]\naddress = "prod:7233"\nnamespace = "live"\n',
    )
    settings = load_settings({"TEMPORAL_PROFILE": "prod"})
    assert settings.connect == {"target_host": "prod:7233", "namespace": "live"}


def test_unknown_profile_is_an_error_that_names_it_and_the_file(working_directory: Path) -> None:
    write(working_directory / "temporal.toml", address("default"))
    with pytest.raises(SettingsError, match=r"temporal\.toml.*nobody"):
        load_settings({"TEMPORAL_PROFILE": "nobody"})


def test_missing_certificate_is_an_error_that_names_it(working_directory: Path) -> None:
    write(
        working_directory / "temporal.toml",
        address("default") + '[profile.default.tls]\nclient_cert_path = "/nowhere/client.pem"\n',
    )
    with pytest.raises(SettingsError, match=r"names /nowhere/client\.pem, which can't be read"):
        load_settings({})


def test_environment_wins_over_the_file(working_directory: Path) -> None:
    write(
        working_directory / "temporal.toml",
        '[lambda_worker]\nidle_timeout = "1s"\ntask_queue = "file"\nreuse_connection = false\n',
    )
    environ = {"TEMPORAL_LAMBDA_IDLE_TIMEOUT": "2s", "TEMPORAL_TASK_QUEUE": "env"}
    assert load_settings(environ).values == {
        "idle_timeout": timedelta(seconds=2),
        "task_queue": "env",
        "reuse_connection": False,
    }


@pytest.mark.parametrize("word", ["auto", " AUTO "])
def test_idle_timeout_may_be_left_to_us(word: str, working_directory: Path) -> None:
    assert load_settings({"TEMPORAL_LAMBDA_IDLE_TIMEOUT": word}).values == {"idle_timeout": "auto"}
    write(working_directory / "temporal.toml", f'[lambda_worker]\nidle_timeout = "{word}"\n')
    assert load_settings({}).values == {"idle_timeout": "auto"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[lambda_worker]\nidle_timout = 1\n",
            r"temporal\.toml: unknown key 'idle_timout' in \[lambda_worker\]; "
            r"did you mean 'idle_timeout'\?",
        ),
        ("[lambda_worker]\nzzz = 1\n", r"unknown key 'zzz'.*; known are task_queue, idle_timeout"),
        (
            "[lambda_workers]\nidle_timeout = 1\n",
            r"unknown table \[lambda_workers\]; did you mean \[lambda_worker\]\?",
        ),
        (
            '[profiles.default]\naddress = "h:1"\n',
            r"unknown table \[profiles\]; did you mean \[profile\]\?",
        ),
        ("lambda_worker = 1\n", r"lambda_worker must be a table"),
        (
            "[lambda_worker]\nidle_timeout = -1\n",
            r"temporal\.toml: \[lambda_worker\] idle_timeout: expected auto, or a.*-1",
        ),
        ('[lambda_worker]\nidle_timeout = "soon"\n', r"idle_timeout: expected auto, or.*'soon'"),
        ("[lambda_worker]\nidle_timeout = 0\n", r"expected auto, or a duration above 0"),
        ("[lambda_worker]\nidle_timeout = true\n", r"idle_timeout: expected auto, or"),
        (
            "[lambda_worker]\nmax_concurrent_activities = 0\n",
            r"max_concurrent_activities: expected a whole number of 1 or more; got 0",
        ),
        ("[lambda_worker]\nworkflow_task_pollers = 1\n", r"expected a whole number of 2 or more"),
        ('[lambda_worker]\nreuse_connection = "maybe"\n', r"expected true or false; got 'maybe'"),
        ('[lambda_worker]\ntask_queue = " "\n', r"task_queue: expected a name"),
        ("[lambda_worker]\ntask_queue = 5\n", r"task_queue: expected a name; got 5"),
        ('[lambda_worker]\nidle_timeout = "99999999999999h"\n', r"idle_timeout: expected auto, or"),
        (f"[lambda_worker]\nmax_cached_workflows = {'9' * 5000}\n", r"is not valid TOML: .*digits"),
        (f"[lambda_worker]\nmax_cached_workflows = {'9' * 50}\n", r"expected a whole number"),
        (f"[lambda_worker]\ntask_queue = {'[' * 5000}\n", r"nested too deeply"),
        ('idle_timeout = "2s"\n', r"idle_timeout stands outside of \[lambda_worker\]: move it"),
        (
            "[profile.default]\nidle_timeout = 2\n",
            r"\[profile.default\] idle_timeout: this key belongs into \[lambda_worker\]",
        ),
    ],
)
def test_bad_file_is_one_clear_error(text: str, message: str, working_directory: Path) -> None:
    write(working_directory / "temporal.toml", text)
    with pytest.raises(SettingsError, match=message):
        load_settings({})


def test_bad_variable_is_named() -> None:
    with pytest.raises(
        SettingsError, match=r"TEMPORAL_LAMBDA_IDLE_TIMEOUT: expected auto, or a duration"
    ):
        load_settings({"TEMPORAL_LAMBDA_IDLE_TIMEOUT": "-3s"})


def test_misspelt_variable_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    load_settings({"TEMPORAL_LAMBDA_IDLE_TIMOUT": "3s", "TEMPORAL_LAMBDA_XYZ": "1"})
    (warning,) = caplog.records
    assert "did you mean TEMPORAL_LAMBDA_IDLE_TIMEOUT?" in warning.getMessage()


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [(2, 2), (0.5, 0.5), ("2", 2), ("500ms", 0.5), ("1m30s", 90), (" 2h ", 7200), ("1.5s", 1.5)],
)
def test_duration_is_seconds_or_text(raw: object, seconds: float) -> None:
    assert duration(raw) == timedelta(seconds=seconds)


@pytest.mark.parametrize("raw", ["", "s", "5 s 3", "1s2", "nan", "inf", None, [], -0.1, 1e12, True])
def test_anything_else_is_no_duration(raw: object) -> None:
    with pytest.raises(ValueError, match="expected a duration of 0 or more"):
        duration(raw)


def test_example_file_shows_every_setting_and_is_valid(working_directory: Path) -> None:
    example = (Path(__file__).parents[3] / "temporal.toml.example").read_text()
    for name in SETTINGS:
        assert f"\n# {name} = " in example, name
        assert variable(name) in example, name
    switched_on = "\n".join(
        line.removeprefix("# ") if line.startswith("# ") and " = " in line else line
        for line in example.splitlines()
        if "_path = " not in line
    )
    write(working_directory / "temporal.toml", switched_on)
    assert load_settings({}).values.keys() == SETTINGS.keys()


def test_no_credential_shows_when_settings_are_printed() -> None:
    settings = load_settings({"TEMPORAL_API_KEY": "top-secret"})
    assert settings.connect["api_key"] == "top-secret"
    assert "top-secret" not in repr(settings)
