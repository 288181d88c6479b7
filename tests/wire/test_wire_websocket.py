"""WebSocket: our decoder, fields and encoders against wsproto, websockets and tshark, and how it fails."""

import shutil
import subprocess
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from websockets import frames as theirs
from websockets.exceptions import ProtocolError
from wire_in_test import decode as run
from wsproto.frame_protocol import FrameProtocol, ParseFailed
from zoo_in_test import REGISTRY, ROOT

from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Breach, Data, End, Event, Fault, Other, Problem
from gateway_zoo.wire.exchange import Exchange, fields_of
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.faults import CannotEncode, Limits, Truncated, WireError
from gateway_zoo.wire.fields import Field, lay
from gateway_zoo.wire.recording import Bytes, Closed, Ended, Opened
from gateway_zoo.wire.specimen import load

WIRES = Codecs(REGISTRY)
WS: Any = WIRES["WebSocket"]
KEY = b"\x01\x80\xff\x37"
DIRECTIONS: list[tuple[Direction, bytes]] = [("request", KEY), ("response", b"")]
TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


def several(key: bytes) -> bytes:
    """All opcodes, all sizes of a length, a message in pieces with a PONG between, a compressed one."""
    return b"".join(
        [
            WS.frame(TEXT, "hä".encode(), key=key),
            WS.frame(PING, b"p", key=key),
            WS.frame(TEXT, b"a\xc3", fin=False, key=key),
            WS.frame(PONG, b"", key=key),
            WS.frame(CONTINUATION, b"\xa4", key=key),
            WS.frame(BINARY, b"x" * 126, key=key),
            WS.frame(BINARY, b"y" * 65_537, key=key),
            WS.frame(TEXT, b"\xff\xfe", rsv1=True, fin=False, key=key),
            WS.frame(CONTINUATION, b"\xff", key=key),
            WS.frame(CLOSE, b"\x03\xe8bye", key=key),
        ]
    )


def decoder(direction: Direction, limits: Limits | None = None) -> Decoder:
    found: Decoder = WS.decoders(limits or Limits())[direction == "response"]
    return found


def decode(of: Decoder, pieces: Iterable[bytes]) -> list[Event]:
    found: list[Event] = []
    for event in [event for piece in pieces for event in of.feed(piece)] + of.close():
        last = found[-1] if found else None
        if isinstance(event, Data) and isinstance(last, Data) and last.stream == event.stream:
            found[-1] = Data(last.offset, 0, last.stream, last.data + event.data)
        else:
            found.append(event)
    return found


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def whole(events: Iterable[Event]) -> list[tuple[int, str, bytes]]:
    """(offset, opcode, payload) of each frame."""
    found: list[tuple[int, str, bytes]] = []
    for event in events:
        if isinstance(event, Other):
            found.append((event.offset, event.name, event.data))
        elif isinstance(event, Data):
            offset, name, payload = found.pop()
            assert name == event.stream
            found.append((offset, name, payload + event.data))
    return found


def read_by_websockets(data: bytes, *, mask: bool) -> list[tuple[int, str, bytes]]:
    """The same bytes by websockets' own parser. Compressed frames it takes only from an extension, so none here."""
    at = 0

    def read_exactly(count: int) -> Generator[None, None, bytes]:
        nonlocal at
        if at + count > len(data):
            raise EOFError
        at += count
        return data[at - count : at]
        yield

    found = []
    while at < len(data):
        start = at
        parser = theirs.Frame.parse(read_exactly, mask=mask)
        with pytest.raises(StopIteration) as done:
            next(parser)
        frame = done.value.value
        name = "CONTINUATION" if frame.opcode is theirs.Opcode.CONT else frame.opcode.name
        found.append((start, name, bytes(frame.data)))
    return found


@pytest.mark.parametrize(("direction", "key"), DIRECTIONS)
def test_any_chunking_gives_the_same(direction: Direction, key: bytes) -> None:
    data, limits = several(key), Limits(value=100)
    once = decode(decoder(direction, limits), [data])
    for size in (1, 2, 3, 7, 1000):
        assert decode(decoder(direction, limits), pieces(data, size)) == once
    for cut in [*range(300), *range(len(data) - 60, len(data))]:
        assert decode(decoder(direction, limits), [data[:cut], data[cut:]]) == once
    assert once[-1] == End(len(data), 0, (1000,))
    assert whole(once) == whole(decode(decoder(direction), [data]))


@pytest.mark.parametrize("ending", [b"", b"\xa0", b"\xe2\x82A", b"\xe0\x80", b"\xf0\x9f\xa6", b"\xffab\xff"])
def test_a_long_text_is_told_however_it_is_cut(ending: bytes) -> None:
    """The frame in which the text becomes wrong is marked, and only that one."""
    content = b"h\xc3\xa4 \xe2\x82\xac" * 40 + ending
    frame = WS.frame(TEXT, content)
    split = WS.frame(TEXT, content[:5], fin=False) + WS.frame(CONTINUATION, content[5:]) + WS.frame(PING, b"p")
    for data, place in ((frame, 4), (split, 2 + 5 + 4)):
        cuts = [pieces(data, 1), *([data[:at], data[at:]] for at in range(len(data)))]
        whole_of_it, *others = [decode(decoder("response", Limits(value=50)), cut) for cut in [[data], *cuts]]
        assert all(other == whole_of_it for other in others)
        assert b"".join(event.data for event in whole_of_it if isinstance(event, Data)) in content
        problems = [(event.error[:7], event.offset) for event in whole_of_it if isinstance(event, Problem)]
        assert problems == ([("BadText", place)] if ending else [])


def test_a_huge_frame_is_passed_on_in_pieces() -> None:
    requests = decoder("request", Limits(value=1000))
    header = WS.frame(BINARY, b"", key=KEY)[:1] + b"\xff" + (1 << 40).to_bytes(8, "big") + KEY
    requests.feed(header)
    for _ in range(50):
        events = requests.feed(b"x" * 65_536)
        assert isinstance(events[-1], Data)
        assert len(events[-1].data) == 65_536
    with pytest.raises(Truncated):
        requests.close()


@pytest.mark.parametrize(("direction", "key"), DIRECTIONS)
def test_websockets_reads_the_same(direction: Direction, key: bytes) -> None:
    data = b"".join(
        WS.frame(opcode, bytes(range(32, 127)) * (size // 90) + b"z" * (size % 90), key=key)
        for opcode, size in [(TEXT, 0), (BINARY, 125), (PING, 80), (TEXT, 126), (BINARY, 70_000), (PONG, 0)]
    )
    ours = whole(decode(decoder(direction), [data]))
    assert ours == read_by_websockets(data, mask=direction == "request")


@pytest.mark.parametrize(("direction", "key"), DIRECTIONS)
def test_we_read_what_websockets_writes(direction: Direction, key: bytes) -> None:
    sent = [(theirs.Opcode.TEXT, "hä".encode()), (theirs.Opcode.BINARY, b"x" * 66_000), (theirs.Opcode.PING, b"")]
    data = b"".join(
        theirs.Frame(opcode, payload).serialize(mask=direction == "request", extensions=[]) for opcode, payload in sent
    )
    ours = [(name, payload) for _, name, payload in whole(decode(decoder(direction), pieces(data, 1000)))]
    assert ours == [(opcode.name, payload) for opcode, payload in sent]


#: direction, frames, error, its offset, words of it, and the field that is marked with the place of the field.
BREACHES: list[tuple[Direction, bytes, str, int, str, str]] = [
    ("response", b"\x83\x00", "BadOpcode", 0, "one of the opcodes", "opcode 3"),
    ("response", b"\x81\x01a\x8b\x00", "BadOpcode", 3, "one of the opcodes", "opcode 11"),
    ("response", b"\x09\x00", "BadControl", 0, "in one piece", "FIN"),
    ("response", b"\x89\x7e\x00\x7e" + bytes(126), "BadControl", 2, "at most 125 bytes", "Payload len (16)"),
    ("response", b"\x81\x7e\x00\x05hello", "BadLength", 2, "in as few bytes as possible", "Payload len (16)"),
    ("response", b"\x81\x7f" + bytes(7) + b"\x05hello", "BadLength", 2, "in as few bytes", "Payload len (64)"),
    ("response", b"\x81\x81" + KEY + b"\x60", "BadMask", 1, "no mask from a server", "MASK"),
    ("request", b"\x81\x01a", "BadMask", 1, "a mask from a client", "MASK"),
    ("response", b"\xa1\x00", "BadReserved", 0, "RSV2 and RSV3 unset", "TEXT"),
    ("response", b"\x91\x00", "BadReserved", 0, "RSV2 and RSV3 unset", "TEXT"),
    ("response", b"\xc9\x00", "BadReserved", 0, "RSV1 only where a message begins", "PING"),
    ("response", b"\x01\x01a\xc0\x01b", "BadReserved", 3, "RSV1 only where a message begins", "CONTINUATION"),
    ("response", b"\x80\x00", "BadSequence", 0, "no message has begun", "CONTINUATION"),
    ("response", b"\x00\x01a\x80\x01b", "BadSequence", 0, "no message has begun", "CONTINUATION"),
    ("response", b"\x01\x01a\x81\x01b", "BadSequence", 3, "the message has not ended", "TEXT"),
    ("response", b"\x81\x02\xc3(", "BadText", 2, "UTF-8", "Payload data"),
    ("response", b"\x01\x01\xc3\x80\x01(", "BadText", 5, "UTF-8", "Payload data"),
    ("response", b"\x01\x01\xff\x00\x01\xff\x80\x01(", "BadText", 2, "UTF-8", "Payload data"),
    ("response", b"\x81\x01\xc3", "BadText", 2, "UTF-8", "Payload data"),
    ("response", b"\x01\x01\xc3\x80\x00", "BadText", 3, "UTF-8", "CONTINUATION"),
    ("response", b"\x88\x01a", "BadClose", 2, "two bytes, or nothing", "Payload data"),
    ("response", b"\x88\x02\x03\xe7", "BadClose", 2, "a code that may be sent", "Status code"),
    ("response", b"\x88\x02\x03\xee", "BadClose", 2, "a code that may be sent", "Status code"),
    ("response", b"\x88\x02\x13\x88", "BadClose", 2, "a code that may be sent", "Status code"),
    ("response", b"\x88\x03\x03\xe8\xff", "BadClose", 4, "a reason in UTF-8", "Reason"),
    ("response", b"\x88\x03\x03\xe8\xc3", "BadClose", 4, "a reason in UTF-8", "Reason"),
]
#: What ends the reading.
FAULTS: list[tuple[Direction, bytes, str, int, str]] = [
    ("response", b"\x81\x7f\x80" + bytes(7), "BadLength", 2, "below 2^63"),
    ("request", b"\x81\xff\x80" + bytes(7), "BadLength", 2, "below 2^63"),
    ("response", b"\x81\x05hell", "Truncated", 6, "4 of 5 bytes of the payload came"),
    ("response", b"\x81", "Truncated", 1, "the rest of a frame"),
    ("response", b"\x01\x01a", "Truncated", 3, "the rest of a message"),
]


def marked(direction: Direction, data: bytes, problems: Iterable[Problem]) -> list[Field]:
    return [field for field in lay(WS.annotate(direction, data).fields, problems) if field.fault]


@pytest.mark.parametrize("limits", [Limits(), Limits(value=1)])
@pytest.mark.parametrize(("direction", "data", "kind", "offset", "says", "field"), BREACHES)
def test_a_breach_ends_nothing(
    direction: Direction, data: bytes, kind: str, offset: int, says: str, field: str, limits: Limits
) -> None:
    """It is said once, the field has the mark, and the frame behind it is read."""
    behind = WS.frame(PONG, b"behind", key=KEY if direction == "request" else b"")
    data = behind + data + (b"" if kind == "BadClose" else behind)
    events = decode(decoder(direction, limits), [data])
    assert decode(decoder(direction, limits), pieces(data, 1)) == events
    problems = [event for event in events if isinstance(event, Problem)]
    (problem,) = problems
    assert isinstance(problem, Breach)
    assert problem.error.startswith(f"{kind} at offset {offset + len(behind)}: ")
    assert says in problem.error
    assert [(f.name, f.means) for f in marked(direction, data, problems)] == [(field, problem.note)]
    frames = whole(event for event in events if not isinstance(event, Problem))
    assert (frames[-1][1:] == ("PONG", b"behind")) != (kind == "BadClose")
    assert isinstance(events[-1], End)
    if field == "Status code":
        assert events[-1].status == (int.from_bytes(data[-2:], "big"),)


@pytest.mark.parametrize(("direction", "data", "kind", "offset", "says"), FAULTS)
def test_what_ends_the_reading_has_a_name(direction: Direction, data: bytes, kind: str, offset: int, says: str) -> None:
    for size in (1, len(data)):
        with pytest.raises(WireError) as raised:
            decode(decoder(direction), pieces(data, size))
        error = raised.value
        assert (type(error).__name__, error.offset) == (kind, offset)
        assert says in str(error)
        assert data.startswith(error.seen, offset)


def test_breaches_come_before_the_error_of_their_frame() -> None:
    data = b"\x83\x7f\x80" + bytes(7)
    for size in (1, len(data)):
        events, error = run(decoder("request"), pieces(data, size))
        assert isinstance(error, WireError)
        assert [event.error.split()[0] for event in events if isinstance(event, Breach)] == ["BadOpcode", "BadMask"]


@pytest.mark.parametrize("behind", [b"\x81\x01a\x89\x01b", b"\x88\x00\x88\x00", b"\x81", b"\x81\x02a"])
def test_what_stands_behind_close_is_surplus(behind: bytes) -> None:
    """It is one fault, which the first frame shows. The frames are read."""
    data = WS.frame(CLOSE, b"\x03\xe8") + behind
    events = decode(decoder("response"), [data])
    assert decode(decoder("response"), pieces(data, 1)) == events
    close, end, problem, *frames = events
    assert (close, end) == (Other(0, 0, "CLOSE", b"\x03\xe8"), End(4, 0, (1000,)))
    assert isinstance(problem, Fault)
    assert (problem.offset, problem.length, problem.error.split()[0]) == (4, 0, "AfterClose")
    assert len(frames) == (2 if len(behind) > 3 else 0)
    assert marked("response", data, [problem])[0].offset == 4


def test_breaches_of_many_frames_are_not_all_told() -> None:
    events = decode(decoder("response"), [b"\x83\x00" * 500])
    assert sum(isinstance(event, Breach) for event in events) == 100
    assert sum(isinstance(event, Other) for event in events) == 500


def test_frames_of_a_long_close() -> None:
    """Its code and its reason are read also where it is passed on in pieces."""
    data = b"\x88\x7e\x00\x80\x03\xe9" + b"x" * 125 + b"\xff"
    for size in (1, 5, len(data)):
        events = decode(decoder("response", Limits(value=50)), pieces(data, size))
        assert [e.error.split()[0] for e in events if isinstance(e, Problem)] == ["BadControl", "BadClose"]
        assert events[-1] == End(len(data), 0, (1001,))


HANDSHAKE = (
    b"GET /live HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SWITCHING = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)


def exchange(request: bytes, response: bytes, size: int) -> Exchange:
    """One exchange: a handshake, and these frames behind it."""
    recording = Exchanges(WIRES)
    recording.feed(Opened(connection=1, at=1.0, exhibit="asgi", front="nginx", protocol="HTTP", address="x.sock"))
    crossed: list[tuple[Direction, bytes]] = [
        *(("request", HANDSHAKE), ("response", SWITCHING), ("request", request), ("response", response)),
    ]
    for direction, data in crossed:
        for piece in pieces(data, size):
            recording.feed(Bytes(connection=1, at=1.0, direction=direction, data=piece))
    for direction in ("request", "response"):
        recording.feed(Ended(connection=1, at=1.0, direction=direction))
    recording.feed(Closed(connection=1, at=1.0))
    (found,) = recording.all.values()
    return found


@pytest.mark.parametrize("size", [1, 1 << 20])
@pytest.mark.parametrize(("direction", "data", "kind", "offset", "field"), [(*row[:4], row[5]) for row in BREACHES])
def test_a_breach_is_a_warning_of_its_exchange(
    direction: Direction, data: bytes, kind: str, offset: int, field: str, size: int
) -> None:
    close = WS.frame(CLOSE, b"", key=KEY if direction == "request" else b"")
    frames = data if kind == "BadClose" else data + close
    sound = WS.frame(CLOSE, b"") if direction == "request" else WS.frame(CLOSE, b"", key=KEY)
    one = exchange(frames, sound, size) if direction == "request" else exchange(sound, frames, size)
    assert (one.status, one.target, one.errors) == (101, "/live", [])
    assert [warning.split()[0] for warning in one.warnings] == [kind]
    fields = fields_of(one, WIRES)[direction == "response"]
    assert [f.name for f in fields if f.fault] == [field]
    assert "CLOSE" in [f.name for f in fields]


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_missing_and_surplus_frames_are_errors_of_their_exchange(size: int) -> None:
    close = WS.frame(CLOSE, b"")
    for frames, kind in ((close + WS.frame(TEXT, b"a"), "AfterClose"), (WS.frame(TEXT, b"abc")[:-1], "Truncated")):
        one = exchange(WS.frame(CLOSE, b"", key=KEY), frames, size)
        assert [error.split()[0] for error in one.errors] == [kind]
        assert (one.status, one.warnings) == (101, [])
        assert any(field.fault for field in fields_of(one, WIRES)[1])


@pytest.mark.parametrize("code", [1000, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 4999])
def test_codes_that_may_be_sent(code: int) -> None:
    """Those of RFC 6455, what IANA has registered since, and what everybody may use."""
    data = WS.frame(8, code.to_bytes(2, "big") + "Käfig".encode())
    check_by_websockets(data, mask=False)
    for size in (1, 3, len(data)):
        *told, end = decode(decoder("response"), pieces(data, size))
        assert told == [Other(0, 0, "CLOSE", data[2:])]
        assert end == End(len(data), 0, (code,))
    assert not any(field.fault for field in WS.annotate("response", data).fields)


#: websockets' frames are checked one by one: their order and their text it checks later, lengths it takes as they are.
LATER = {"BadSequence", "BadText", "BadLength"}
REFUSED = [row[:2] for row in BREACHES if row[2] not in LATER and row[1][:1] != b"\x01"]


@pytest.mark.parametrize(("direction", "data"), REFUSED)
def test_websockets_refuses_it_too(direction: Direction, data: bytes) -> None:
    with pytest.raises((ProtocolError, UnicodeDecodeError)):
        check_by_websockets(data, mask=direction == "request")


def check_by_websockets(data: bytes, *, mask: bool) -> None:
    for _, name, payload in read_by_websockets(data, mask=mask):
        if name == "CLOSE":
            theirs.Close.parse(payload).check()


def test_websockets_takes_a_length_that_is_longer_than_needed() -> None:
    """RFC 6455 5.2 wants the fewest bytes; wsproto refuses this, and we mark it."""
    assert read_by_websockets(b"\x81\x7e\x00\x05hello", mask=False) == [(0, "TEXT", b"hello")]


def read_by_wsproto(direction: Direction, data: bytes) -> list[tuple[str, bytes]]:
    """The messages and the control frames, in the order of their ends. Raises ParseFailed."""
    frames = FrameProtocol(client=direction == "response", extensions=[])
    frames.receive_bytes(data)
    messages, parts = list[tuple[str, bytes]](), list[bytes]()
    for piece in frames.received_frames():
        payload: Any = piece.payload
        if piece.opcode.name == "CLOSE":
            code, reason = payload
            messages.append(("CLOSE", code.to_bytes(2, "big") + (reason or "").encode()))
        elif piece.opcode.iscontrol():
            messages.append((piece.opcode.name, bytes(payload)))
        else:
            parts.append(payload.encode() if isinstance(payload, str) else bytes(payload))
            if piece.message_finished:
                messages.append((piece.opcode.name, b"".join(parts)))
                parts = []
    return messages


@pytest.mark.parametrize(("direction", "data"), [row[:2] for row in BREACHES])
def test_wsproto_refuses_it_too(direction: Direction, data: bytes) -> None:
    with pytest.raises(ParseFailed):
        read_by_wsproto(direction, data)


def any_frame(random: Random, key: bytes) -> tuple[bytes, bool, int, bytes]:
    """A frame, mostly sound; FIN, opcode and payload of it."""
    opcode = random.choices((TEXT, CONTINUATION, BINARY, PING, PONG, CLOSE, 3, 11), (6, 6, 2, 2, 2, 1, 0.2, 0.2))[0]
    payload = random.choice((b"", b"a", "hä€".encode(), b"\xc3", b"\xa4", b"x" * 125, b"y" * 126, b"\xff"))
    if opcode == CLOSE:
        code = random.choice((1000, 1005, 1011, 2999, 3000, 4999, 5000, 999))
        payload = random.choice((b"", b"a", code.to_bytes(2, "big") + payload[:9]))
    fin = random.random() < (0.6 if opcode < CLOSE else 0.98)
    rsv = random.choice((1, 2, 3)) if random.random() < 0.02 else 0
    mask = key if random.random() < 0.98 else b"" if key else KEY
    sizes = [size for size, most in ((1, 126), (3, 1 << 16), (9, 1 << 63)) if len(payload) < most]
    size = sizes[0] if random.random() < 0.98 else random.choice(sizes)
    length = len(payload) if size == 1 else 126 if size == 3 else 127
    head = bytes([fin << 7 | rsv << 4 | opcode, (128 if mask else 0) | length])
    head += len(payload).to_bytes(size - 1, "big") if size > 1 else b""
    masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)) if mask else payload
    return head + mask + masked, fin, opcode, payload


@pytest.mark.parametrize(("direction", "key"), DIRECTIONS)
def test_wsproto_reads_the_same_messages_and_refuses_nothing_that_we_pass(direction: Direction, key: bytes) -> None:
    random, sound, refused = Random(12), 0, 0  # noqa: S311
    for _ in range(4000):
        frames = [any_frame(random, key) for _ in range(random.randint(1, 5))]
        data = b"".join(frame for frame, *_ in frames)
        events = list[Event]()
        try:
            events = decode(decoder(direction), [data])
        except Truncated:  # the last message is not complete: wsproto waits for more
            continue
        problems = [event for event in events if isinstance(event, Problem)]
        ours = [payload for _, _, payload in whole(event for event in events if not isinstance(event, Problem))]
        assert ours == [payload for *_, payload in frames]
        if problems:
            refused += 1
            if not any(isinstance(problem, Fault) for problem in problems):
                with pytest.raises(ParseFailed):
                    read_by_wsproto(direction, data)
            continue
        sound += 1
        assert read_by_wsproto(direction, data) == messages_of_frames(frames)
    assert min(sound, refused) > 300


def messages_of_frames(frames: Iterable[tuple[bytes, bool, int, bytes]]) -> list[tuple[str, bytes]]:
    """The messages and the control frames of sound frames. A CLOSE without a code has 1005 (7.1.5)."""
    names = {TEXT: "TEXT", BINARY: "BINARY", CLOSE: "CLOSE", PING: "PING", PONG: "PONG"}
    messages, parts, kind = list[tuple[str, bytes]](), list[bytes](), ""
    for _, fin, opcode, payload in frames:
        if opcode >= CLOSE:
            messages.append((names[opcode], payload or (b"\x03\xed" if opcode == CLOSE else b"")))
            continue
        kind = names.get(opcode, kind)
        parts.append(payload)
        if fin:
            messages.append((kind, b"".join(parts)))
            parts = []
    return messages


def test_an_error_comes_again() -> None:
    one = decoder("response")
    for _ in range(2):
        with pytest.raises(WireError, match="below"):
            one.feed(b"\x81\x7f\xff" + bytes(7))


def tiles(direction: Direction, data: bytes) -> bool:
    fields, streams = WS.annotate(direction, data)
    assert not streams
    at = 0
    for field in fields:
        if field.depth == 0:
            assert field.offset == at
            at += field.length
        assert field.offset >= 0
        assert field.offset + field.length <= len(data)
    assert at == len(data)
    return any(field.fault for field in fields)


@pytest.mark.parametrize(("direction", "key"), DIRECTIONS)
def test_fields_name_every_byte(direction: Direction, key: bytes) -> None:
    data = several(key)
    assert not tiles(direction, data)
    for cut in [*range(1, 300), *range(len(data) - 60, len(data))]:
        tiles(direction, data[:cut])
    for towards, wrong, *_ in FAULTS:
        assert tiles(towards, wrong) or wrong[-1:] == b"a"
    for towards, wrong, *_ in BREACHES:
        assert not tiles(towards, wrong)
    assert tiles("response", b"\x81\x7e\x01")


def test_fields_say_what_stands_there() -> None:
    fields, _ = WS.annotate("request", WS.frame(TEXT, b"x" * 126, key=KEY) + WS.frame(CLOSE, b"\x03\xe9bye", key=KEY))
    said = [(field.name, field.value, field.offset, field.length) for field in fields]
    assert said[:8] == [
        ("TEXT", "134 bytes", 0, 134),
        ("FIN", "1", 0, 1),
        ("RSV1", "0", 0, 1),
        ("RSV2", "0", 0, 1),
        ("RSV3", "0", 0, 1),
        ("opcode", "1 (TEXT)", 0, 1),
        ("MASK", "1", 1, 1),
        ("Payload len", "126", 1, 1),
    ]
    assert said[8:11] == [
        ("Payload len (16)", "126", 2, 2),
        ("Masking-key", "01 80 ff 37", 4, 4),
        ("Payload data", "x" * 126, 8, 126),
    ]
    assert [(f.name, f.value, f.means) for f in fields[-2:]] == [
        ("Status code", "1001", "going away"),
        ("Reason", "bye", "the same for people"),
    ]


def test_encoders() -> None:
    assert WS.response(101, [], b"hello") == b"\x81\x05hello"
    assert WS.response(101, [], b"\xff") == b"\x82\x01\xff"
    asked = WS.request([], b"hello")
    assert whole(decode(decoder("request"), [asked])) == [(0, "TEXT", b"hello")]
    refused: list[tuple[Callable[[], bytes], str]] = [
        (lambda: WS.request([(b"A", b"b")]), "carries no variables"),
        (lambda: WS.response(200, []), "no status"),
        (lambda: WS.frame(3), "no frame has the opcode 3"),
        (lambda: WS.frame(PING, b"x" * 126), "a control frame"),
        (lambda: WS.frame(TEXT, b"x", key=b"abc"), "four bytes"),
    ]
    for wrong, says in refused:
        with pytest.raises(CannotEncode, match=says):
            wrong()


@pytest.mark.skipif(not (shutil.which("tshark") and shutil.which("text2pcap")), reason="no tshark")
def test_tshark_agrees(tmp_path: Path) -> None:
    """It needs the handshake, too: the whole specimen, in the order in which it crossed."""
    socket = load(ROOT / "asgi/specimens/socket.toml")
    asked, answered = (data.index(b"\r\n\r\n") + 4 for data in (socket.request, socket.response))
    crossed = [("I", socket.request[:asked]), ("O", socket.response[:answered])]
    crossed += [("I", socket.request[asked:]), ("O", socket.response[answered:])]
    dump = "".join(
        f"{way}\n" + "".join(f"{at:06x} {data[at : at + 16].hex(' ')}\n" for at in range(0, len(data), 16))
        for way, data in crossed
    )
    (tmp_path / "dump").write_text(dump, encoding="ascii")
    make = ["text2pcap", "-q", "-D", "-T", "5000,80", str(tmp_path / "dump"), str(tmp_path / "pcap")]
    subprocess.run(make, check=True, capture_output=True, timeout=60)
    ask = ["tshark", "-r", str(tmp_path / "pcap"), "-T", "fields", "-E", "separator=/t", "-Y", "websocket"]
    for name in ("opcode", "fin", "payload_length"):
        ask += ["-e", f"websocket.{name}"]
    lines = subprocess.run(ask, check=True, capture_output=True, text=True, timeout=60).stdout.splitlines()
    directions: list[Direction] = ["request", "response"]
    for line, direction, data in zip(
        lines, directions, (socket.request[asked:], socket.response[answered:]), strict=True
    ):
        opcodes, fins, lengths = (column.split(",") for column in line.split("\t"))
        fields = WS.annotate(direction, data).fields
        frames = whole(decode(decoder(direction), [data]))
        assert [int(one, 0) for one in opcodes] == [int(f.value.split()[0]) for f in fields if f.name == "opcode"]
        assert [one in {"1", "True"} for one in fins] == [f.value == "1" for f in fields if f.name == "FIN"]
        assert [int(one) for one in lengths] == [min(len(payload), 126) for _, _, payload in frames]
