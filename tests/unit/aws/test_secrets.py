"""Credentials from Secrets Manager and Parameter Store, of moto's."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from temporalio.service import TLSConfig

from temporal_lambda.aws import SecretCredentials, SecretError, Secrets
from temporal_lambda.aws.reference import Reference
from temporal_lambda.errors import SettingsError
from temporal_lambda.settings.sources import load_settings

SECRET = "value-that-nobody-may-see"


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def store(moto: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Clients of both stores, which are empty; the code under test finds them by itself."""
    for name, value in {
        "AWS_ENDPOINT_URL": moto,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    manager, parameters = boto3.client("secretsmanager"), boto3.client("ssm")
    for secret in manager.list_secrets()["SecretList"]:
        manager.delete_secret(SecretId=secret["ARN"], ForceDeleteWithoutRecovery=True)
    for parameter in parameters.describe_parameters()["Parameters"]:
        parameters.delete_parameter(Name=parameter["Name"])
    return Store(manager, parameters)


class Store:
    def __init__(self, manager: Any, parameters: Any) -> None:
        self.manager = manager
        self.parameters = parameters

    def secret(self, name: str, value: str) -> str:
        return str(self.manager.create_secret(Name=name, SecretString=value)["ARN"])

    def rotate(self, name: str, value: str) -> None:
        self.manager.put_secret_value(SecretId=name, SecretString=value)

    def parameter(self, name: str, value: str) -> None:
        self.parameters.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)


async def test_value_is_found_by_name_arn_path_and_key(store: Store) -> None:
    arn = store.secret("temporal/key", SECRET)
    store.secret("temporal/all", f'{{"api_key": "{SECRET}"}}')
    store.parameter("/temporal/key", SECRET)
    secrets = Secrets()
    parameter = "arn:aws:ssm:us-east-1:123456789012:parameter/temporal/key"
    for name in ("temporal/key", arn, "temporal/all#api_key", "ssm:/temporal/key", parameter):
        value = await secrets.get(name)
        assert value == SECRET, name
        assert SECRET not in repr(value)


async def test_value_is_kept_until_it_is_old_or_refreshed(store: Store) -> None:
    store.secret("key", "old")
    kept, brief = Secrets(), Secrets(ttl=timedelta(0))
    assert [await kept.get("key"), await brief.get("key")] == ["old", "old"]
    store.rotate("key", "new")
    assert await kept.get("key") == "old"
    assert await kept.get("key", refresh=True) == "new"
    assert await kept.get("key") == "new"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("nowhere", "secret nowhere does not exist in this account and region"),
        ("ssm:/nowhere", "parameter /nowhere does not exist"),
        ("text#key", "the value is not JSON"),
        ("json#other", "the JSON object has no such key with a text"),
        ("json#number", "the JSON object has no such key with a text"),
    ],
)
async def test_value_that_is_not_there_is_one_clear_error(
    store: Store, reference: str, message: str
) -> None:
    store.secret("text", SECRET)
    store.secret("json", f'{{"api_key": "{SECRET}", "number": 5}}')
    with pytest.raises(SecretError, match=message) as caught:
        await Secrets().get(reference)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AccessDeniedException", "the function's role needs secretsmanager:GetSecretValue on it"),
        ("DecryptionFailure", "the function's role needs kms:Decrypt"),
        ("InternalServiceError", r"can't be read \(InternalServiceError\)"),
    ],
)
async def test_refusal_names_the_permission_and_nothing_else(
    store: Store, code: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = Secrets()
    store.secret("key", SECRET)
    await secrets.get("key")
    (provider,) = secrets._providers.values()
    stubbed = Refusing(code)
    monkeypatch.setattr(provider, "client", stubbed)
    with pytest.raises(SecretError, match=message) as caught:
        await secrets.get("key", refresh=True)
    assert "hush" not in "".join(traceback.format_exception(caught.value))


class Refusing:
    """A client that is refused: moto lets everybody in."""

    def __init__(self, code: str) -> None:
        self._code = code

    def get_secret_value(self, **_: Any) -> Any:
        from botocore.exceptions import ClientError

        response: Any = {"Error": {"Code": self._code, "Message": "hush"}}
        raise ClientError(response, "GetSecretValue")


async def test_store_that_does_not_answer_costs_bounded_time(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(SecretError, match="secretsmanager reachable from here"):
        await Secrets().get("key")


@pytest.mark.parametrize("text", ["", "two words", "line\nbreak", "eyJhbGciOi." + "x" * 600])
def test_reference_of_another_form_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Reference.parse(text)
    assert not text or text not in str(caught.value)


async def test_credentials_are_put_where_nothing_is_set(store: Store) -> None:
    store.secret("key", f" {SECRET}\n")
    store.secret("cert", "CERTIFICATE")
    store.secret("private", "PRIVATE")
    credentials = SecretCredentials(api_key="key", client_cert="cert", client_key="private")
    connect: dict[str, Any] = {"target_host": "there:7233", "tls": TLSConfig(domain="there")}
    await credentials.apply(connect)
    assert connect["api_key"] == SECRET
    assert connect["tls"] == TLSConfig(
        domain="there", client_cert=b"CERTIFICATE", client_private_key=b"PRIVATE"
    )
    assert SECRET not in repr(connect)
    assert "PRIVATE" not in repr(connect)
    connect = {"api_key": "my own"}
    await credentials.apply(connect)
    assert connect["api_key"] == "my own"


async def test_refused_credentials_are_asked_for_anew(store: Store) -> None:
    store.secret("key", "old")
    store.secret("ca", "OLD")
    credentials = SecretCredentials(api_key="key", server_ca="ca")
    connect: dict[str, Any] = {}
    await credentials.apply(connect)
    assert not await credentials.refresh(connect)
    assert connect["api_key"] == "old"
    store.rotate("key", "new")
    store.rotate("ca", "NEW")
    assert await credentials.refresh(connect)
    assert connect["api_key"] == "new"
    assert connect["tls"].server_root_ca_cert == b"NEW"


def test_certificate_without_its_key_is_refused() -> None:
    with pytest.raises(SettingsError, match="client_cert and client_key are given together"):
        SecretCredentials(client_cert="cert")


async def test_settings_name_what_code_need_not(store: Store) -> None:
    store.secret("key", SECRET)
    store.parameter("/server/ca", "AUTHORITY")
    variables = {
        "TEMPORAL_LAMBDA_API_KEY_SECRET": "key",
        "TEMPORAL_LAMBDA_SERVER_CA_SECRET": "ssm:/server/ca",
        "TEMPORAL_LAMBDA_CLIENT_CERT_SECRET": "none",
        "TEMPORAL_LAMBDA_SECRETS_TTL": "1m",
    }
    credentials = SecretCredentials.of(load_settings(variables))
    assert credentials.ttl == timedelta(minutes=1)
    connect: dict[str, Any] = {}
    await credentials.apply(connect)
    assert connect["api_key"] == SECRET
    assert connect["tls"].server_root_ca_cert == b"AUTHORITY"


async def test_what_is_set_is_not_asked_for(store: Store) -> None:
    connect: dict[str, Any] = {"api_key": "my own"}
    await SecretCredentials(api_key="nowhere").apply(connect)
    assert connect == {"api_key": "my own"}


def test_setting_that_holds_the_key_itself_is_refused_and_not_quoted() -> None:
    key = "eyJhbGciOi." + "x" * 600
    settings = load_settings({"TEMPORAL_LAMBDA_API_KEY_SECRET": key})
    with pytest.raises(
        SettingsError, match="the secret of api_key: a secret is named by"
    ) as caught:
        SecretCredentials.of(settings)
    assert key not in str(caught.value)
