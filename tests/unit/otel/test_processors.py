"""Processors of every span."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from temporal_lambda.otel.processors import KeepsWorkflowSpansOpen, NamesInvocation


class Flushed(SpanProcessor):
    """A user's processor, behind those of this package."""

    def __init__(self) -> None:
        self.times = 0

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        self.times += 1
        return True


@pytest.mark.parametrize("processor", [NamesInvocation, KeepsWorkflowSpansOpen])
def test_processors_behind_ours_are_flushed_whatever_the_sdks_version(
    processor: type[SpanProcessor], monkeypatch: pytest.MonkeyPatch
) -> None:
    # As before opentelemetry-sdk 1.42, where a falsy answer ends the flush.
    monkeypatch.setattr(SpanProcessor, "force_flush", lambda self, timeout_millis=30_000: None)
    provider, behind = TracerProvider(shutdown_on_exit=False), Flushed()
    provider.add_span_processor(processor())
    provider.add_span_processor(behind)
    assert provider.force_flush()
    assert behind.times == 1
