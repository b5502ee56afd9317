"""A codec that a function and its callers share. It imports nothing else of the tests."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from temporalio.api.common.v1 import Payload
from temporalio.converter import DataConverter, PayloadCodec

MARK = b"turned"


class Turned(PayloadCodec):
    """Turns the bytes of each payload round: no cipher, but nothing that can be read as it is."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            Payload(metadata={"encoding": MARK}, data=payload.SerializeToString()[::-1])
            for payload in payloads
        ]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            Payload.FromString(payload.data[::-1])
            if payload.metadata.get("encoding") == MARK
            else payload
            for payload in payloads
        ]


CONVERTER = dataclasses.replace(DataConverter.default, payload_codec=Turned())
