"""What the tests of FastCGI share."""

from collections.abc import Iterable
from typing import Any

import pytest
from wire_in_test import WIRES, joined

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Event
from gateway_zoo.wire.faults import Limits, WireError
from gateway_zoo.wire.fields import Field

wire: Any = WIRES["FastCGI"]
make: Any = wire.encode  # records and streams
BEGIN = make.begin()
NO_PARAMS = make.record(4, 1)
NO_STDIN = make.record(5, 1)


def decoded(direction: Direction, pieces: Iterable[bytes], limits: Limits | None = None) -> list[Event]:
    decoder: Decoder = wire.decoders(*[limits] if limits else [])[direction == "response"]
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return joined(events + decoder.close())


def wrong(direction: Direction, data: bytes, limits: Limits | None = None) -> WireError:
    with pytest.raises(WireError) as caught:
        decoded(direction, [data], limits)
    return caught.value


def tiles(fields: list[Field], size: int) -> None:
    at = 0
    for field in fields:
        assert field.offset + field.length <= size
        if field.depth == 0:
            assert field.offset == at
            at += field.length
    assert at == size
