"""Requests to AWS's own endpoints are signed, by the credentials of the function.

Not tested: that AWS accepts them; there is no account here. What is checked is that the signature
is the one that botocore, AWS's own client, computes for what arrived.
"""

from __future__ import annotations

import re

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExportResult

from temporal_lambda.otel import otlp_http, sigv4
from tests.support.otlp_http import HttpReceiver, receiving_http

SERVICE = sigv4.Service("xray", "eu-west-1")


@pytest.fixture(autouse=True)
def of_the_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials as Lambda provides them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret key")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "a session token")


def expected_signature(receiver: HttpReceiver, headers: dict[str, str], body: bytes) -> str:
    request = AWSRequest("POST", f"{receiver.endpoint}/v1/traces", data=body)
    for name in re.search(r"SignedHeaders=([^,]+)", headers["Authorization"])[1].split(";"):  # type: ignore[index]
        if name not in ("host", "x-amz-date", "x-amz-security-token"):
            request.headers[name] = {k.lower(): v for k, v in headers.items()}[name]
    request.context["timestamp"] = headers["X-Amz-Date"]
    request.headers["X-Amz-Date"] = headers["X-Amz-Date"]
    request.headers["X-Amz-Security-Token"] = "a session token"
    auth = SigV4Auth(Credentials("AKIDEXAMPLE", "a secret key", "a session token"), *SERVICE)
    signed = auth.string_to_sign(request, auth.canonical_request(request))
    return str(auth.signature(signed, request))


def test_request_has_the_signature_that_botocore_computes_for_it() -> None:
    span = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("span")
    assert isinstance(span, ReadableSpan)
    with receiving_http() as receiver:
        exporter = OTLPSpanExporter(
            f"{receiver.endpoint}/v1/traces", session=sigv4.signing_session(SERVICE)
        )
        assert exporter.export([span]) == SpanExportResult.SUCCESS
        exporter.shutdown()  # type: ignore[no-untyped-call]
    ((_, headers, body),) = receiver.requests
    assert headers["X-Amz-Security-Token"] == "a session token"
    assert "/eu-west-1/xray/aws4_request" in headers["Authorization"]
    signature = expected_signature(receiver, dict(headers), body)
    assert headers["Authorization"].endswith(f"Signature={signature}")
    assert "a secret key" not in str(headers)


def test_without_credentials_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    span = TracerProvider(shutdown_on_exit=False).get_tracer("test").start_span("span")
    assert isinstance(span, ReadableSpan)
    with receiving_http() as receiver:
        session = sigv4.signing_session(SERVICE)
        exporter = OTLPSpanExporter(f"{receiver.endpoint}/v1/traces", session=session)
        assert exporter.export([span]) == SpanExportResult.FAILURE
        exporter.shutdown()  # type: ignore[no-untyped-call]
    assert receiver.requests == []
    assert "no AWS credentials to sign with" in caplog.text


@pytest.mark.parametrize(
    ("endpoint", "service"),
    [
        ("https://xray.eu-west-1.amazonaws.com/v1/traces", ("xray", "eu-west-1")),
        ("https://monitoring.us-east-1.amazonaws.com:443/v1/metrics", ("monitoring", "us-east-1")),
        ("https://logs.cn-north-1.amazonaws.com.cn/v1/logs", ("logs", "cn-north-1")),
        ("http://xray.eu-west-1.amazonaws.com/v1/traces", None),
        ("https://xray.eu-west-1.amazonaws.com.example.org/v1/traces", None),
        ("https://example.org/https://xray.eu-west-1.amazonaws.com/v1/traces", None),
        ("https://otlp.example.com", None),
    ],
)
def test_only_aws_gets_a_signature(endpoint: str, service: tuple[str, str] | None) -> None:
    assert sigv4.service_of(endpoint) == service


def test_exporter_for_aws_signs_and_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[sigv4.Service] = []
    sign = sigv4.signing_session

    def note(service: sigv4.Service) -> requests.Session:
        asked.append(service)
        return sign(service)

    monkeypatch.setattr(sigv4, "signing_session", note)
    otlp_http.span_exporter("https://xray.eu-west-1.amazonaws.com/v1/traces", 1.0)
    otlp_http.metric_exporter("https://otlp.example.com/v1/metrics", 1.0)
    assert asked == [SERVICE]
