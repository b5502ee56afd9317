"""Packed texts are read back, and nothing else is."""

from __future__ import annotations

import base64
import json
import zlib

import pytest

from temporal_lambda.dagster import packed_text
from temporal_lambda.dagster.packed_text import pack, unpack


def packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data)).decode()


@pytest.mark.parametrize("texts", [[], [""], ["one", "two"], ["é\ud800"]])
def test_texts_are_read_back(texts: list[str]) -> None:
    assert unpack(pack(texts)) == texts


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "no base64!",
        base64.b64encode(b"no zlib").decode(),
        packed(b"no json"),
        packed(b"[" * 100_000),
        packed(json.dumps({"a": 1}).encode()),
        packed(json.dumps(["a", 1]).encode()),
        packed(b'["cut off"]')[:-8],
    ],
)
def test_anything_else_is_refused(hostile: str) -> None:
    with pytest.raises(ValueError, match="packed texts"):
        unpack(hostile)


def test_what_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_text, "MAX_UNPACKED_BYTES", 1_000)
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        unpack(pack(["a" * 2_000]))
