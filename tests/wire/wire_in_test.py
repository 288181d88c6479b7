"""What the tests of every protocol's wire.py need: specimens, cutting, joining, tiling, a gateway's socket."""

import socket
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from zoo_in_test import REGISTRY, ROOT, Zoo

from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, Event
from gateway_zoo.wire.faults import WireError
from gateway_zoo.wire.fields import Annotated
from gateway_zoo.wire.specimen import Specimen, load

WIRES = Codecs(REGISTRY)


def specimens(protocol: str) -> dict[str, Specimen]:
    """Every real exchange of this protocol, in whichever cage it lies."""
    found = {}
    for cage in REGISTRY.cages:
        for path in sorted((cage.path / "specimens").glob("*.toml")):
            specimen = load(path)
            if (specimen.protocol or cage.file.protocol) == protocol:
                found[f"{path.parent.parent.relative_to(ROOT)}/{path.stem}"] = specimen
    return found


def decode(decoder: Decoder, pieces: Iterable[bytes]) -> tuple[list[Event], WireError | None]:
    """All events, neighbouring Data joined, and the error that ended it."""
    events: list[Event] = []
    try:
        for piece in pieces:
            events += decoder.feed(piece)
        events += decoder.close()
    except WireError as error:
        return joined(events + error.events), error
    return joined(events), None


def joined(events: Iterable[Event]) -> list[Event]:
    """Neighbouring Data of one id and stream as one. (Gathered first: adding byte to byte would be slow.)"""
    found: list[Event] = []
    parts: list[bytes] = []
    for event in events:
        last = found[-1] if found else None
        if isinstance(event, Data):
            if isinstance(last, Data) and (last.id, last.stream) == (event.id, event.stream):
                parts.append(event.data)
                continue
            parts = _finished(found, parts)
            parts.append(event.data)
        else:
            parts = _finished(found, parts)
        found.append(event)
    _finished(found, parts)
    return found


def _finished(found: list[Event], parts: list[bytes]) -> list[bytes]:
    if len(parts) > 1 and isinstance(last := found[-1], Data):
        found[-1] = Data(last.offset, last.id, last.stream, b"".join(parts))
    return []


def decoded(decoder: Decoder, *pieces: bytes) -> list[Event]:
    """All events of something sound, neighbouring Data joined."""
    return joined([event for piece in pieces for event in decoder.feed(piece)] + decoder.close())


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """Byte by byte, and in two at every place."""
    yield [data[at : at + 1] for at in range(len(data))]
    for at in range(1, len(data)):
        yield [data[:at], data[at:]]


def same_in_any_pieces(make: Callable[[], Decoder], data: bytes) -> list[Event]:
    """The events of `data`, which are the same however it is cut."""
    events, error = decode(make(), [data])
    assert error is None
    for pieces in cuts(data):
        assert decode(make(), pieces) == (events, None)
    return events


def tiles(annotated: Annotated, length: int) -> None:
    """The fields and streams of depth 0 cover every byte once."""
    spans = [span for field in annotated.fields if field.depth == 0 for span in field.spans]
    spans += [span for stream in annotated.streams if stream.depth == 0 for span in stream.spans]
    at = 0
    for offset, size in sorted(spans):
        assert offset == at, (offset, at, annotated)
        at += size
    assert at == length, annotated


def ask(zoo: Zoo, exhibit: str, data: bytes) -> bytes:
    """What this exhibit's gateway answers, without a web server."""
    path: Path = next(zoo.run.rglob(f"{exhibit}.sock"))
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        connection.sendall(data)
        pieces = []
        while piece := connection.recv(65_536):
            pieces.append(piece)
    return b"".join(pieces)
