"""What every wire.py promises, as checks on bytes. test_wire.py asks with hypothesis, fuzz_wire.py a million times.

Whatever the bytes are, a decoder ends in a result or in a WireError, says the same however they are cut, and
`annotate` names every byte and agrees with the decoder. Each check raises AssertionError with what is wrong.
"""

import contextlib
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from types import FrameType
from typing import NamedTuple

import msgspec
from wire_in_test import joined
from wire_inputs import Input, pieces

from gateway_zoo.wire import conversation
from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.conversation import Conversation
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, Event, Head, Pairs, Problem, Variables, asking
from gateway_zoo.wire.exchange import Exchange, fields_of
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.faults import LIMITS, Limits, TooLong, TooMany, Truncated, WireError
from gateway_zoo.wire.fields import Annotated, Field, text
from gateway_zoo.wire.recording import Bytes, Closed, Ended, Opened

SECONDS = 5.0  # for one input; the slowest take some milliseconds
DIRECTIONS: tuple[Direction, Direction] = ("request", "response")
NOT_AS_SENT = {"WebSocket"}  # its data is masked on the wire, so Data is not what stands there


class Hang(Exception):
    """An input that is not decoded in time."""


@contextlib.contextmanager
def bounded(seconds: float = SECONDS) -> Iterator[None]:
    """Raise Hang in the middle of whatever takes longer."""

    def ring(_: int, __: FrameType | None) -> None:
        raise Hang(f"longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


class Run(NamedTuple):
    """What a decoder made of bytes: events, joined, and how it ended."""

    events: list[Event]
    error: WireError | None

    @property
    def outcome(self) -> str:
        return type(self.error).__name__ if self.error else "decoded"


def decode(decoder: Decoder, data: Sequence[bytes], methods: Iterable[bytes] = (), as_sent: bool = True) -> Run:
    """Feed the pieces, close, and check at each step what is promised of a decoder."""
    for method in methods:
        decoder.asked(asking(method))
    whole = b"".join(data)
    events: list[Event] = []
    fed = settled = 0
    try:
        for piece in data:
            fed += len(piece)
            events += _told(decoder.feed(piece), whole, fed, as_sent)
            assert settled <= decoder.settled <= decoder.offset <= fed, (settled, decoder.settled, decoder.offset, fed)
            settled = decoder.settled
        events += _told(decoder.close(), whole, fed, as_sent)
    except WireError as error:
        events += _told(error.events, whole, fed, as_sent)
        assert settled <= decoder.settled <= fed
        check_error(error, decoder, whole[:fed])
        return Run(joined(events), error)
    return Run(joined(events), None)


def _told(events: list[Event], whole: bytes, fed: int, as_sent: bool) -> list[Event]:
    for event in events:
        assert 0 <= event.offset <= fed, f"{event} of {fed} bytes"
        if isinstance(event, Data):
            assert event.data, "an empty Data"
            there = whole[event.offset : event.offset + len(event.data)]
            assert not as_sent or there == event.data, f"{event} says where it is, but there is {there!r}"
    return events


def check_error(error: WireError, decoder: Decoder, data: bytes) -> None:
    """It says where and what, and stays."""
    assert 0 <= error.offset <= len(data), f"{error} in {len(data)} bytes"
    assert data.startswith(error.seen, error.offset), f"{error}, but there is {data[error.offset :][:24]!r}"
    assert error.expected
    seen = f"{error.seen!r}; " if error.seen else ""
    assert str(error) == f"{type(error).__name__} at offset {error.offset}: {seen}expected {error.expected}"
    for again in (lambda: decoder.feed(b"\0"), decoder.close):
        same = _raised(again)
        assert same is error, f"{error!r} became {same!r}"
        assert error.events == []


def _raised(work: Callable[[], object]) -> WireError | None:
    try:
        work()
    except WireError as error:
        return error
    return None


def check_same(whole: Run, cut: Run) -> None:
    """However the bytes are cut."""
    assert whole.events == cut.events, f"whole {whole.events}, cut {cut.events}"
    assert whole.outcome == cut.outcome, f"whole {whole.error!r}, cut {cut.error!r}"
    if whole.error and cut.error:
        assert whole.error.offset == cut.error.offset, f"whole {whole.error!r}, cut {cut.error!r}"


# --- fields -------------------------------------------------------------------------------------------


def check_fields(fields: Sequence[Field], size: int) -> None:
    """Inside the data, and children inside their parents."""
    parents: list[Field] = []
    for field in fields:
        while parents and parents[-1].depth >= field.depth:
            parents.pop()
        for offset, length in field.spans:
            assert 0 <= offset <= offset + length <= size, f"{field} in {size} bytes"
        if parents:
            inside = all(_covered(span, parents[-1].spans) for span in field.spans)
            # What is split over records is shown where it begins.
            assert inside or (field.rest and _covered(field.spans[0], parents[-1].spans)), f"{field} in {parents[-1]}"
        parents.append(field)
    offsets = [field.offset for field in fields]
    assert offsets == sorted(offsets), f"not in order: {offsets}"


def _covered(span: tuple[int, int], spans: Iterable[tuple[int, int]]) -> bool:
    offset, length = span
    return any(low <= offset and offset + length <= low + size for low, size in spans)


def check_tiles(spans: Iterable[tuple[int, int]], size: int, what: str) -> None:
    """No gap, no overlap."""
    at = 0
    for offset, length in sorted(spans):
        assert offset == at, f"{what}: {'gap' if offset > at else 'overlap'} at {at}, next is {offset}"
        at = offset + length
    assert at == size, f"{what}: named {at} of {size} bytes"


def check_annotated(annotated: Annotated, size: int) -> None:
    """What a wire.py says of its own bytes. Streams of depth 0 are bytes, too; others lie inside a field."""
    fields, streams = annotated
    check_fields(fields, size)
    top = [span for field in fields if field.depth == 0 for span in field.spans]
    check_tiles([*top, *(span for one in streams if one.depth == 0 for span in one.spans)], size, "depth 0")
    for stream in streams:
        assert stream.spans, f"{stream} of no bytes"
        for span in stream.spans:
            holders = [field for field in fields if field.depth < stream.depth and _covered(span, field.spans)]
            assert holders or stream.depth == 0, f"{span} of {stream} is in no field"
    msgspec.json.encode(fields)


def check_agrees(events: Iterable[Event], fields: Sequence[Field]) -> None:
    """Every variable and header that the decoder has told is a field, in that order; requests may be interleaved. (h11
    tells Transfer-Encoding in lower case, and of a Content-Length that lists the same number twice one.)"""
    for event in events:
        shown = iter([(field.name, _as_h11(field.name, field.value)) for field in fields])
        for name, value in pairs_of(event):
            assert (text(name), _as_h11(text(name), text(value))) in shown, (
                f"{name!r}: {value!r} of {event} is no field in its place"
            )


def _as_h11(name: str, value: str) -> str:
    if name.lower() == "content-length":
        return value.partition(",")[0].strip()
    return value.lower() if name.lower() == "transfer-encoding" else value


def pairs_of(event: Event) -> Pairs:
    return event.headers if isinstance(event, Head) else event.pairs if isinstance(event, Variables) else []


def check_faults(run: Run, fields: Sequence[Field]) -> None:
    """What the decoder refuses is a fault; limits are its own. (Fields may show more: what is wrong, but readable.)"""
    if run.error and not isinstance(run.error, Truncated | TooLong | TooMany):
        assert any(field.fault for field in fields), f"{run.error}, but no field says so"


# --- a whole input --------------------------------------------------------------------------------------


def check_input(codecs: Codecs, protocol: str, given: Input, random: Random, limits: Limits = LIMITS) -> str:
    """Everything that holds for any bytes; returns how the decoder ended."""
    wire, direction, data = codecs[protocol], given.direction, given.data
    as_sent = protocol not in NOT_AS_SENT
    cut = pieces(random, data)
    whole = decode(wire.decoders(limits)[direction == "response"], [data] if data else [], given.methods, as_sent)
    check_same(whole, decode(wire.decoders(limits)[direction == "response"], cut, given.methods, as_sent))
    annotated = wire.annotate(direction, data, given.methods)
    check_annotated(annotated, len(data))
    check_agrees(whole.events, annotated.fields)
    check_faults(whole, annotated.fields)
    return whole.outcome


def check_talk(codecs: Codecs, protocol: str, request: bytes, response: bytes, random: Random) -> Conversation:
    """Both directions, with what is inside them; cut and interleaved. Returns the Talk that was fed whole."""
    whole = Conversation(codecs, protocol)
    said = _fed(whole, [("request", request), ("response", response)])
    cut = Conversation(codecs, protocol)
    asked: list[tuple[Direction, bytes]] = [("request", piece) for piece in pieces(random, request)]
    answered: list[tuple[Direction, bytes]] = [("response", piece) for piece in pieces(random, response)]
    assert said == _fed(cut, asked + answered)
    assert {way: type(e) for way, e in whole.errors.items()} == {way: type(e) for way, e in cut.errors.items()}
    mixed = asked + answered
    random.shuffle(mixed)  # an order that makes no sense; the promises hold all the same
    _fed(Conversation(codecs, protocol), mixed)
    check_all_fields(codecs, protocol, request, response)
    check_exchanges(codecs, protocol, [("request", request), ("response", response)], asked + answered)
    return whole


def check_exchanges(
    codecs: Codecs, protocol: str, whole: Sequence[tuple[Direction, bytes]], cut: Sequence[tuple[Direction, bytes]]
) -> None:
    """The same exchanges, with the same bytes and warnings; an error in one is an error in the other. (Bytes of another
    protocol may have one error more where they come in pieces.) Every byte belongs to one exchange."""
    of_whole, of_cut = _exchanges(codecs, protocol, whole), _exchanges(codecs, protocol, cut)
    assert [_facts(exchange) for exchange in of_whole] == [_facts(exchange) for exchange in of_cut]
    for direction in DIRECTIONS:
        crossed = b"".join(data for towards, data in whole if towards == direction)
        assert sorted(b"".join(bytes(exchange.kept(direction)) for exchange in of_whole)) == sorted(crossed)
    for exchange in of_whole:
        for fields, direction in zip(fields_of(exchange, codecs), DIRECTIONS, strict=True):
            marked = not exchange.findings.problems[direction] or any(field.fault for field in fields)
            assert marked or not exchange.kept(direction), f"no field shows {exchange.findings.problems[direction]}"


def _facts(exchange: Exchange) -> tuple[object, ...]:
    facts = exchange.method, exchange.target, exchange.status, exchange.warnings, bool(exchange.errors)
    return (*facts, bytes(exchange.request), bytes(exchange.response))


def _exchanges(codecs: Codecs, protocol: str, steps: Sequence[tuple[Direction, bytes]]) -> list[Exchange]:
    exchanges = Exchanges(codecs)
    exchanges.feed(Opened(connection=1, at=1.0, exhibit="x", front="nginx", protocol=protocol, address="x.sock"))
    for direction, data in steps:
        exchanges.feed(Bytes(connection=1, at=1.0, direction=direction, data=data))
    for direction in DIRECTIONS:
        exchanges.feed(Ended(connection=1, at=1.0, direction=direction))
    exchanges.feed(Closed(connection=1, at=1.0))
    return list(exchanges.all.values())


def _fed(talk: Conversation, steps: list[tuple[Direction, bytes]]) -> dict[tuple[str, str], list[Event]]:
    """What is said of each protocol and direction, joined. No faults: they show what had come by then."""
    said: dict[tuple[str, str], list[Event]] = {}
    fed: dict[Direction, int] = {"request": 0, "response": 0}
    settled = dict(fed)
    for direction, piece in steps:
        fed[direction] += len(piece)
        for protocol, event, *_ in talk.feed(direction, piece):
            if not isinstance(event, Problem):
                said.setdefault((direction, protocol), []).append(event)
        assert settled[direction] <= talk.settled(direction) <= fed[direction]
        settled[direction] = talk.settled(direction)
    for direction, size in fed.items():
        for protocol, event, *_ in talk.close(direction):
            if not isinstance(event, Problem):
                said.setdefault((direction, protocol), []).append(event)
        assert settled[direction] <= talk.settled(direction) <= size
    return {key: joined(events) for key, events in said.items()}


def check_all_fields(codecs: Codecs, protocol: str, request: bytes, response: bytes) -> None:
    """The fields of both directions, with inner protocols."""
    for fields, data in zip(
        conversation.annotate(codecs, protocol, request, response), (request, response), strict=True
    ):
        check_fields(fields, len(data))
        check_tiles([span for field in fields if field.depth == 0 for span in field.spans], len(data), "depth 0")
        msgspec.json.encode(fields)
