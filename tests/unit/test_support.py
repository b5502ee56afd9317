"""What tests are made of fails with words, not with silence."""

from __future__ import annotations

import pytest

from tests.support import collector


@pytest.mark.skipif(collector.why_missing() is not None, reason=str(collector.why_missing()))
async def test_collector_that_ends_says_why() -> None:
    with pytest.raises(collector.CollectorError, match=r"ended with 2: .*invalid value 'nowhere'"):
        async with collector.collecting("--exporter", "nowhere"):
            pass


async def test_where_there_is_no_collector_the_error_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collector, "why_missing", lambda: "no wheel")
    with pytest.raises(collector.CollectorError, match="there is no collector here: no wheel"):
        async with collector.collecting():
            pass
