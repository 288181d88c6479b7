"""Peers that break rules: their secrets are masked all the same, and nothing but their secrets.

Random exchanges are broken in ways that keep the framing, and in ways that lose it. What is seen without masking is the
truth: where every decoder goes on, a recording and a view may differ from it in stars only.
"""

import re
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest
import wire_inputs
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_inputs import SECRET
from zoo_in_test import REGISTRY

from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.events import Data
from gateway_zoo.wire.exchange import Exchange, fields_of
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.fields import Field
from gateway_zoo.wire.recorder.mask_stream import Masking
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Ended, Opened
from gateway_zoo.wire.view import mask_exchange

WIRES = Codecs(REGISTRY)
FASTCGI: Any = WIRES["FastCGI"]
PROTOCOLS = ("uwsgi", "SCGI", "FastCGI", "AJP", "HTTP")
DIRECTIONS: tuple[Direction, Direction] = ("request", "response")
Step = tuple[Direction, bytes]

#: Lines that no head should have. Some of them hold a secret.
LINES = (
    b"bad line",
    b"Set-Cookie : " + SECRET,
    b"Set-Cookie " + SECRET,
    b"Set-Cookie: a=b\r\n " + SECRET,
    b"Set-Cookie: " + SECRET + b"\x01",
    b": " + SECRET[:0],
    b"X Y: z",
    b"Status: 410",
    b"Status: abc def",
    b"Content-Type: text/plain\r\nContent-Type: text/html",
    b"X" * 1100 + b": a name that is too long",
)


def entries(protocol: str, steps: list[Step]) -> list[AnyEntry]:
    found: list[AnyEntry] = [
        Opened(connection=1, at=1.0, exhibit="x", front="nginx", protocol=protocol, address="x.sock"),
        *(Bytes(connection=1, at=2.0, direction=direction, data=data) for direction, data in steps),
        *(Ended(connection=1, at=3.0, direction=direction) for direction in DIRECTIONS),
    ]
    return [*found, Closed(connection=1, at=4.0)]


def recorded(film: list[AnyEntry]) -> list[AnyEntry]:
    """The entries as they are written."""
    out: list[AnyEntry] = []
    masking = Masking(WIRES, out.append)
    for entry in film:
        masking(entry)
    return out


def exchanges(film: list[AnyEntry]) -> list[Exchange]:
    read = Exchanges(WIRES)
    for entry in film:
        read.feed(entry)
    return list(read.all.values())


def whole(film: list[AnyEntry], direction: Direction) -> bytes:
    return b"".join(each.data for each in film if isinstance(each, Bytes) and each.direction == direction)


def bytewise(steps: list[Step]) -> list[Step]:
    return [(direction, data[at : at + 1]) for direction, data in steps for at in range(len(data))]


# --- checks -----------------------------------------------------------------------------------------------------------


def check_recording(protocol: str, steps: list[Step]) -> list[AnyEntry]:
    """No secret is written. What is read again is as without masking, where no decoder has stopped."""
    film = entries(protocol, steps)
    written = recorded(film)
    for direction in DIRECTIONS:
        real, masked = whole(film, direction), whole(written, direction)
        assert len(real) == len(masked)
        assert all(there in (byte, ord("*")) for byte, there in zip(real, masked, strict=True))
        assert SECRET not in masked
    truth = exchanges(film)
    if not any(exchange.stopped for exchange in truth):
        again = exchanges(written)
        assert [facts(exchange) for exchange in again] == [facts(exchange) for exchange in truth]
        for exchange, full in zip(again, truth, strict=True):  # a secret may break a rule itself; stars break none
            assert kinds(exchange.warnings) <= kinds(full.warnings)
    return written


def facts(exchange: Exchange) -> tuple[object, ...]:
    offsets = [[(field.offset, field.length) for field in fields] for fields in fields_of(exchange, WIRES)]
    return exchange.method, exchange.target, exchange.status, kinds(exchange.errors), offsets


def kinds(texts: list[str]) -> set[str]:
    return {text.split(" ")[0] for text in texts}


def check_view(exchange: Exchange) -> None:
    """No secret is shown, and all else is."""
    masked, sides = mask_exchange.mask(exchange, WIRES)
    shown = msgspec.json.encode([sides, masked.errors, masked.warnings]).decode()
    assert SECRET.decode() not in shown
    noted = mask_exchange.NOTE in masked.warnings
    assert len(masked.errors) == len(exchange.errors)
    assert len(masked.warnings) == len(exchange.warnings) + noted
    for direction, fields, real in zip(DIRECTIONS, sides, fields_of(exchange, WIRES), strict=True):
        data, there = bytes(exchange.kept(direction)), bytes(masked.kept(direction))
        assert SECRET not in there
        hidden = {
            at for field in real if field.secret for offset, size in field.spans for at in range(offset, offset + size)
        }
        differs = {at for at, (byte, star) in enumerate(zip(data, there, strict=True)) if byte != star}
        assert all(there[at] == ord("*") for at in differs)
        assert noted or differs <= hidden
        assert len(fields) == len(real)
        for field, full in zip(fields, real, strict=True):
            check_field(field, full)


def check_field(field: Field, full: Field) -> None:
    """The same but for stars, and for the bytes that an error quotes."""
    for name in ("offset", "length", "rest", "depth", "section", "fault", "secret"):
        assert getattr(field, name) == getattr(full, name)
    for name in ("name", "value", "means"):
        got, real = getattr(field, name), getattr(full, name)
        pattern = re.sub(r"(\\\*)+", ".*", re.escape(got)).replace(re.escape("(hidden)"), ".*")
        assert re.fullmatch(pattern, real, re.DOTALL), (got, real)


# --- exchanges ------------------------------------------------------------------------------------------


def insert_line(random: Random, head: bytes) -> bytes:
    """One more line, behind one of the head's."""
    ends = [match.end() for match in re.finditer(rb"\r\n", head[: head.index(b"\r\n\r\n") + 2])]
    at = random.choice(ends)
    return head[:at] + random.choice(LINES) + random.choice((b"\r\n", b"\n")) + head[at:]


def old_version(_: Random, head: bytes) -> bytes:
    return head.replace(b"HTTP/1.1", b"HTTP/2.0", 1)


def bad_status(random: Random, head: bytes) -> bytes:
    bad = random.choice((b"20", b"2000", b"abc", b"200\x01", b""))
    return bytes(re.sub(rb"^(HTTP/1.1|Status:) \d+", rb"\1 " + bad, head, count=1))


def other_length(random: Random, head: bytes) -> bytes:
    bad = random.choice((b"0", b"3", b"900", b"x", b"4\r\nContent-Length: 5"))
    return re.sub(rb"Content-Length: \d+", b"Content-Length: " + bad, head, count=1)


def doubled(_: Random, head: bytes) -> bytes:
    return head * 2


HEADS: tuple[Callable[[Random, bytes], bytes], ...] = (insert_line, old_version, bad_status, other_length)


def broken_answer(random: Random, protocol: str, response: bytes) -> bytes:
    if protocol == "AJP":
        # An unknown code, a message with a control character, a bad flag, an answer too many, one that is cut off.
        spoilt = [response.replace(b"\xa0\x01", b"\xa0\x86"), response.replace(b"\x00\x00\x02", b"\x01\x00\x02")]
        return random.choice([*spoilt, response[:-1] + b"\x02", response * 2, response[: -random.randint(1, 9)]])
    if protocol != "FastCGI":
        # Behind a CGI head all is body, also another head.
        return random.choice((*HEADS, doubled) if protocol != "SCGI" else HEADS)(random, response)
    events = WIRES["FastCGI"].decoders()[1].whole(response)[0]
    content = b"".join(event.data for event in events if isinstance(event, Data) and event.stream == "STDOUT")
    content = random.choice(HEADS)(random, content) if b"\r\n\r\n" in content else content
    size, end = random.choice((7, 50, 60_000)), FASTCGI.encode.end()
    records = [FASTCGI.encode.record(6, 1, content[at : at + size]) for at in range(0, len(content), size)]
    extra = random.choice(
        (
            b"",
            FASTCGI.encode.record(7, 1, b"on stderr"),
            FASTCGI.encode.record(6, 7, b"Set-Cookie: a\r\n\r\n"),
            FASTCGI.encode.end(7),
            FASTCGI.encode.record(42, 1, b"Cookie: " + SECRET),
        )
    )
    records.insert(random.randint(0, len(records)), extra)
    return b"".join([*records, FASTCGI.encode.record(6, 1, b""), end, random.choice((b"", end))])


def broken_request(random: Random, protocol: str, made: wire_inputs.Exchange) -> bytes:
    """With variables that break rules, or with an odd record, or with odd bytes."""
    if protocol == "HTTP":
        return random.choice((insert_line, old_version, other_length))(random, made.request)
    kind = random.randrange(3)
    if kind == 0 and protocol == "FastCGI":
        extra = random.choice(
            (FASTCGI.encode.record(5, 1, b""), FASTCGI.encode.record(4, 9, b"\x0b\x20HTTP_COOKIE" + SECRET))
        )
        return bytes(made.request + extra if random.random() < 0.5 else extra + made.request)
    if kind == 1 and protocol != "AJP":
        pairs = [
            (b"SERVER_PROTOCOL", b"HTTP/2.0") if name == b"SERVER_PROTOCOL" else (name, value)
            for name, value in made.variables
            if name != b"HTTP_COOKIE"
        ]
        pairs.insert(random.randint(1, len(pairs)), (b"HTTP_COOKIE", SECRET))
        return WIRES[protocol].request(pairs, made.body)
    return made.request + random.choice((b"", b"\r\n", made.request))


def broken(random: Random, protocol: str) -> list[Step]:
    made = wire_inputs.exchange(random, WIRES, protocol)
    while SECRET not in made.request + made.response:
        made = wire_inputs.exchange(random, WIRES, protocol)
    request, response = made.request, made.response
    which = random.randrange(4)
    if which in (1, 3):
        request = broken_request(random, protocol, made)
    if which in (2, 3):
        response = broken_answer(random, protocol, response)
    return [("request", request), ("response", response)]


def cut(random: Random, steps: list[Step]) -> list[Step]:
    return [(direction, piece) for direction, data in steps for piece in wire_inputs.pieces(random, data)]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(derandomize=True, deadline=None, max_examples=60)
@given(random=st.randoms(use_true_random=False))
def test_a_broken_exchange_shows_no_secret_and_all_else(protocol: str, random: Random) -> None:
    steps = broken(random, protocol)
    check_recording(protocol, steps)
    check_recording(protocol, cut(random, steps))
    for exchange in exchanges(entries(protocol, steps)):
        check_view(exchange)


# --- the example, and its kin ---------------------------------------------------------------------------------


@pytest.mark.parametrize("bytes_each", [0, 1])
def test_what_stands_behind_a_secret_is_not_read_again(bytes_each: int) -> None:
    """Stars were read as a record: END_REQUEST became "type 42 = request 10794"."""
    head = b"Status: 404\r\nSet-Cookie: " + SECRET + b"\r\n\r\n"
    response = FASTCGI.encode.record(6, 1, head) + FASTCGI.encode.record(6, 1, b"") + FASTCGI.encode.end()
    steps: list[Step] = [("request", FASTCGI.request([(b"REQUEST_METHOD", b"GET")])), ("response", response)]
    film = entries("FastCGI", bytewise(steps) if bytes_each else steps)
    (exchange,) = exchanges(film)
    check_view(exchange)
    masked, (_, fields) = mask_exchange.mask(exchange, WIRES)
    assert bytes(masked.response).endswith(FASTCGI.encode.end())
    assert ("END_REQUEST", "request 1") in [(field.name, field.value) for field in fields]
    written = whole(recorded(film), "response")
    assert SECRET not in written
    assert written.endswith(FASTCGI.encode.end())


@pytest.mark.slow
@pytest.mark.parametrize("bytes_each", [0, 1])
def test_a_stream_that_cannot_be_read_hides_no_other_record(bytes_each: int) -> None:
    """Of its header block on it is masked; STDERR, END_REQUEST and the next answer are not."""
    error, end = FASTCGI.encode.record(7, 1, b"on stderr"), FASTCGI.encode.record(6, 1, b"") + FASTCGI.encode.end()
    unread = b"Set-Cookie: " + SECRET + b"\r\n" + b"X: y\r\n" * 1100 + b"\r\n"  # more headers than the limit
    good = FASTCGI.encode.record(6, 1, b"Content-Type: a/b\r\nSet-Cookie: " + SECRET + b"\r\n\r\nbody")
    request = FASTCGI.request([(b"REQUEST_METHOD", b"GET")])
    request = request[:10] + b"\x01" + request[11:]  # the connection stays
    response = FASTCGI.encode.record(6, 1, unread[:50]) + error + FASTCGI.encode.record(6, 1, unread[50:]) + end
    steps: list[Step] = [("request", request), ("response", response), ("request", request), ("response", good + end)]
    written = whole(recorded(entries("FastCGI", bytewise(steps) if bytes_each else steps)), "response")
    assert len(written) == len(response + good + end)
    assert SECRET not in written
    assert error in written
    assert written.count(end) == 2
    assert written.endswith(good.replace(SECRET, b"*" * len(SECRET)) + end)


def test_bytes_of_another_protocol_are_told_in_the_recording() -> None:
    """Stars could not be told apart later."""
    request = b"GET / HTTP/1.1\r\nCookie: " + SECRET + b"\r\n\r\n"
    written = recorded(entries("uwsgi", [("request", request)]))
    assert whole(written, "request") == b"*" * len(request)
    closed = written[-1]
    assert isinstance(closed, Closed)
    if WIRES["uwsgi"].BEGINS and WIRES["HTTP"].BEGINS:
        assert closed.why.startswith("these bytes are HTTP, not uwsgi; ")
    assert closed.why.endswith("is masked (record with --secrets to see it)")


@pytest.mark.parametrize("bytes_each", [0, 1])
def test_an_answer_behind_an_ordinary_one_is_read_like_it(bytes_each: int) -> None:
    """The ordinary one needs no decoder. The next one, which was not asked for, may have a secret."""
    first = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"
    second = b"HTTP/1.1 200 OK\r\nSet-Cookie: " + SECRET + b"\r\nContent-Length: 4\r\n\r\nbody"
    request = WIRES["uwsgi"].request([(b"REQUEST_METHOD", b"GET")])
    for pieces in ([first, second], [first + second], [first[:-2], first[-2:] + second[:9], second[9:]]):
        steps: list[Step] = [("request", request), *(("response", piece) for piece in pieces)]
        written = whole(recorded(entries("uwsgi", bytewise(steps) if bytes_each else steps)), "response")
        assert written == first + second.replace(SECRET, b"*" * len(SECRET))


def test_warnings_quote_no_secret() -> None:
    request = WIRES["HTTP"].request([(b"REQUEST_METHOD", b"GET"), (b"HTTP_COOKIE", SECRET)])
    (exchange,) = exchanges(entries("HTTP", [("request", request)]))
    exchange.warnings = [f"BadHeader at offset 3: {SECRET!r}; expected a name"]
    assert mask_exchange.mask(exchange, WIRES)[0].warnings == ["BadHeader at offset 3: (hidden); expected a name"]


@pytest.mark.parametrize("bytes_each", [0, 1])
@pytest.mark.parametrize("protocol", ["FastCGI", "AJP", "HTTP"])
def test_the_end_of_a_message_that_is_cut_off_keeps_its_frame(protocol: str, bytes_each: int) -> None:
    """Stars were read as a record: "expected version 1, not 42". Apache closes before it has all of END_REQUEST."""
    request = WIRES[protocol].request([(b"REQUEST_METHOD", b"GET"), (b"REQUEST_URI", b"/"), (b"HTTP_HOST", b"x")])
    headers = [(b"Set-Cookie", SECRET), (b"Content-Length", b"2")]
    response = WIRES[protocol].response(200, headers, b"ok")[:-1]
    steps: list[Step] = [("request", request), ("response", response)]
    film = entries(protocol, bytewise(steps) if bytes_each else steps)
    written = recorded(film)
    (truth,), (again,) = exchanges(film), exchanges(written)
    assert (again.status, kinds(truth.errors)) == (200, {"Truncated"})
    assert kinds(again.errors) - {"what"} == kinds(truth.errors)  # "what could not be read … is masked"
    if protocol == "HTTP":  # the others have no field for what lies in half a message
        assert whole(written, "response") == response.replace(SECRET, b"*" * len(SECRET))
        assert "masked" not in str(again.errors)
