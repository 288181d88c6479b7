"""WebSocket: our decoder, fields and encoders against wsproto alone, websockets and tshark, and how it fails."""

import shutil
import subprocess
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import pytest
from websockets import frames as theirs
from websockets.exceptions import ProtocolError
from zoo_in_test import REGISTRY, ROOT

from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, End, Event, Other
from gateway_zoo.wire.faults import CannotEncode, Limits, Truncated, WireError
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


@pytest.mark.parametrize("ending", [b"", b"\xa0", b"\xe2\x82A", b"\xe0\x80", b"\xf0\x9f\xa6"])
def test_as_much_of_a_long_text_is_told_however_it_is_cut(ending: bytes) -> None:
    """Whole characters, up to what is no UTF-8."""
    frame = WS.frame(TEXT, b"h\xc3\xa4 \xe2\x82\xac" * 40 + ending)
    for first in (frame, WS.frame(TEXT, b"\xe2", fin=False) + WS.frame(CONTINUATION, b"\x82\xac" * 40 + ending)):
        cuts = [
            [first[at : at + 1] for at in range(len(first))],
            *([first[:at], first[at:]] for at in range(len(first))),
        ]
        told = [decode_until_fault("response", Limits(value=50), cut) for cut in [[first], *cuts]]
        assert all(one == told[0] for one in told)
        assert (told[0][1] == "BadText") == bool(ending or first is not frame)
    assert sum(len(event.data) for event in told[0][0] if isinstance(event, Data)) == 2
    assert decode_until_fault("response", Limits(value=50), [frame])[0][1] == Data(
        4, 0, "TEXT", b"h\xc3\xa4 \xe2\x82\xac" * 40
    )


def decode_until_fault(direction: Direction, limits: Limits, data: list[bytes]) -> tuple[list[Event], str]:
    """All events, neighbouring Data joined, and the name of the fault."""
    found, events, fault = decoder(direction, limits), list[Event](), ""
    try:
        for piece in data:
            events += found.feed(piece)
        events += found.close()
    except WireError as error:
        events, fault = events + error.events, type(error).__name__
    joined = list[Event]()
    for event in events:
        if isinstance(event, Data) and joined and isinstance(last := joined[-1], Data):
            joined[-1] = Data(last.offset, 0, last.stream, last.data + event.data)
        else:
            joined.append(event)
    return joined, fault


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


FAULTS: list[tuple[Direction, bytes, str, int, str]] = [
    ("response", b"\x83\x00", "BadOpcode", 0, "one of the opcodes"),
    ("response", b"\x81\x01a\x8b\x00", "BadOpcode", 3, "one of the opcodes"),
    ("response", b"\x09\x00", "BadControl", 0, "in one piece"),
    ("response", b"\x89\x7e\x00\x7e" + bytes(126), "BadControl", 0, "at most 125 bytes"),
    ("response", b"\x81\x7e\x00\x05hello", "BadLength", 0, "in as few bytes as possible"),
    ("response", b"\x81\x7f" + bytes(7) + b"\x05hello", "BadLength", 0, "in as few bytes as possible"),
    ("response", b"\x81\x7f\x80" + bytes(7), "BadLength", 0, "below 2^63"),
    ("response", b"\x81\x81" + KEY + b"a", "BadMask", 0, "no mask from a server"),
    ("request", b"\x81\x01a", "BadMask", 0, "a mask from a client"),
    ("response", b"\xa1\x00", "BadReserved", 0, "RSV2 and RSV3 unset"),
    ("response", b"\xc9\x00", "BadReserved", 0, "RSV1 only where a message begins"),
    ("response", b"\x80\x00", "BadSequence", 0, "no message has begun"),
    ("response", b"\x01\x01a\x81\x01b", "BadSequence", 3, "the message has not ended"),
    ("response", b"\x81\x02\xc3(", "BadText", 0, "UTF-8"),
    ("response", b"\x01\x01\xc3\x80\x01(", "BadText", 3, "UTF-8"),
    ("response", b"\x81\x01\xc3", "BadText", 0, "UTF-8"),
    ("response", b"\x88\x01a", "BadClose", 0, "two bytes, or nothing"),
    ("response", b"\x88\x02\x03\xe7", "BadClose", 0, "a code that may be sent"),
    ("response", b"\x88\x02\x03\xee", "BadClose", 0, "a code that may be sent"),
    ("response", b"\x88\x03\x03\xe8\xff", "BadClose", 0, "a reason in UTF-8"),
    ("response", b"\x88\x00\x81\x00", "AfterClose", 2, "nothing more behind CLOSE"),
    ("response", b"\x81\x05hell", "Truncated", 0, "the rest of a frame"),
    ("response", b"\x81", "Truncated", 0, "the rest of a frame"),
    ("response", b"\x01\x01a", "Truncated", 3, "the rest of a message"),
]


@pytest.mark.parametrize(("direction", "data", "kind", "offset", "says"), FAULTS)
def test_what_is_wrong_has_a_name(direction: Direction, data: bytes, kind: str, offset: int, says: str) -> None:
    for size in (1, len(data)):
        with pytest.raises(WireError) as raised:
            decode(decoder(direction), pieces(data, size))
        error = raised.value
        assert (type(error).__name__, error.offset) == (kind, offset)
        assert says in str(error)
        assert data.startswith(error.seen[:1], offset)


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
LATER = {"BadSequence", "BadText", "AfterClose", "Truncated", "BadLength"}


@pytest.mark.parametrize(("direction", "data"), [row[:2] for row in FAULTS if row[2] not in LATER])
def test_websockets_refuses_it_too(direction: Direction, data: bytes) -> None:
    with pytest.raises((ProtocolError, UnicodeDecodeError)):
        check_by_websockets(data, mask=direction == "request")


def check_by_websockets(data: bytes, *, mask: bool) -> None:
    for _, name, payload in read_by_websockets(data, mask=mask):
        if name == "CLOSE":
            theirs.Close.parse(payload).check()


def test_websockets_takes_a_length_that_is_longer_than_needed() -> None:
    """RFC 6455 5.2 wants the fewest bytes; wsproto and we refuse this, so a proxy of theirs could see other frames."""
    assert read_by_websockets(b"\x81\x7e\x00\x05hello", mask=False) == [(0, "TEXT", b"hello")]


def test_an_error_comes_again() -> None:
    one = decoder("response")
    for _ in range(2):
        with pytest.raises(WireError, match="opcodes"):
            one.feed(b"\x83\x00")


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
        tiles(towards, wrong)
    assert tiles("response", b"\x81\x7e\x01")
    assert tiles("response", b"\x83\x00")


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
