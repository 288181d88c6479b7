"""The contract of every wire.py, with hypothesis: the same tests for all protocols.

What is checked of any bytes stands in wire_contract.py, where the bytes come from in wire_inputs.py; `make fuzz` uses
both a million times. Examples are the same on every run.
"""

import contextlib
import tracemalloc
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wire_contract import NOT_AS_SENT, bounded, check_agrees, check_input, check_same, check_talk, decode, pairs_of
from wire_inputs import (
    SECRET,
    SPOILT,
    TELLING,
    WITHOUT_HEADS,
    Exchange,
    Input,
    Maker,
    body,
    exchange,
    methods,
    pieces,
    response,
    specimens,
    wild_variables,
)
from zoo_in_test import REGISTRY

from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.conversation import Conversation
from gateway_zoo.wire.conversation import annotate as annotate_all
from gateway_zoo.wire.events import Data, Event, Head, Other, Pairs, Variables
from gateway_zoo.wire.faults import CannotEncode, Limits, WireError
from gateway_zoo.wire.fields import text

WIRES = Codecs(REGISTRY)
SPECIMENS = specimens(WIRES)
BOTH: tuple[Direction, ...] = ("request", "response")
RANDOM = st.randoms(use_true_random=False)
QUICK = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
FEW = settings(derandomize=True, deadline=None, max_examples=15, suppress_health_check=QUICK)
MORE = settings(FEW, max_examples=40)

#: Those that say what is asked and how it went.
WITH_HEADS = [protocol for protocol in WIRES.protocols if protocol not in WITHOUT_HEADS]

each_with_heads = pytest.mark.parametrize("protocol", WITH_HEADS)
each_protocol = pytest.mark.parametrize("protocol", WIRES.protocols)
each_direction = pytest.mark.parametrize("direction", BOTH)


@pytest.fixture(autouse=True)
def _in_time() -> Iterator[None]:
    with bounded(60):
        yield


# --- right bytes --------------------------------------------------------------------------------------------


@each_with_heads
@FEW
@given(RANDOM)
def test_what_is_encoded_is_decoded(protocol: str, random: Random) -> None:
    made = exchange(random, WIRES, protocol)
    talk = Conversation(WIRES, protocol)
    asked = [event for _, event, *_ in [*talk.feed("request", made.request), *talk.close("request")]]
    answered = [event for _, event, *_ in [*talk.feed("response", made.response), *talk.close("response")]]
    assert talk.errors == {}
    check_request(made, asked)
    check_response(made, answered, WIRES[protocol].INNER)


def check_request(made: Exchange, events: list[Event]) -> None:
    """The variables; or, where a Head says what HTTP would, what becomes of them there."""
    assert content(events) == made.body
    (said,) = [event for event in events if isinstance(event, Variables | Head)]
    if isinstance(said, Variables):
        check_variables(made.variables, said.pairs)
    else:
        given = dict(made.variables)
        assert said.start == b"%s %s HTTP/1.1" % (given[b"REQUEST_METHOD"], given[b"REQUEST_URI"])
        headers = {name.lower(): value for name, value in said.headers}
        expected = {name[5:].lower().replace(b"_", b"-"): v for name, v in given.items() if name.startswith(b"HTTP_")}
        assert expected.items() <= headers.items()
        assert headers.get(b"content-length", b"") == given[b"CONTENT_LENGTH"]


def check_variables(given: Pairs, said: Pairs) -> None:
    """All, in their order. SCGI wants CONTENT_LENGTH first, and a variable of its own."""
    own = (b"SCGI", b"CONTENT_LENGTH")
    assert [pair for pair in said if pair[0] not in own] == [pair for pair in given if pair[0] not in own]
    assert int(dict(said).get(b"CONTENT_LENGTH", b"") or 0) == int(dict(given)[b"CONTENT_LENGTH"] or 0)
    assert set(dict(said)) - set(dict(given)) <= {b"SCGI"}


def check_response(made: Exchange, events: list[Event], inner: Iterable[str]) -> None:
    assert content(events, inner) == made.answer
    heads = [event for event in events if isinstance(event, Head)]
    head = heads[0]
    headers = [(name.lower(), value) for name, value in head.headers]
    assert {(name.lower(), value) for name, value in made.headers} <= set(headers)
    phrase = b"%d %s" % (made.status, HTTPStatus(made.status).phrase.encode())
    said = head.start.partition(b" ")[2] if head.start else dict(headers).get(b"status", b"")
    assert said.strip() in (phrase, phrase[:3])


def content(events: Iterable[Event], inner: Iterable[str] = ()) -> bytes:
    """The body, without the streams that another protocol is in."""
    return b"".join(event.data for event in events if isinstance(event, Data) and event.stream not in inner)


@pytest.mark.parametrize("protocol", WITHOUT_HEADS)
@FEW
@given(RANDOM)
def test_bodies_alone_are_decoded(protocol: str, random: Random) -> None:
    made = exchange(random, WIRES, protocol)
    talk = Conversation(WIRES, protocol)
    (asked,), (answered,) = talk.feed("request", made.request), talk.feed("response", made.response)
    assert isinstance(asked.event, Other)
    assert isinstance(answered.event, Other)
    assert (asked.event.data, answered.event.data) == (made.body, made.answer)
    assert talk.errors == {}


@each_with_heads
@FEW
@given(RANDOM)
def test_what_nobody_would_send_is_decoded_or_refused(protocol: str, random: Random) -> None:
    """Any names and values: an encoder says CannotEncode, or what it makes is read as it was meant."""
    pairs, sent = wild_variables(random), body(random)
    pairs.append((b"CONTENT_LENGTH", b"%d" % len(sent)))
    data = encoded(lambda: WIRES[protocol].request(pairs, sent))
    if data is None:
        return
    run = decode(WIRES[protocol].decoders()[0], [data], as_sent=protocol not in NOT_AS_SENT)
    assert run.error is None
    for event in run.events:
        if isinstance(event, Variables):
            own = (b"SCGI", b"CONTENT_LENGTH")
            assert [pair for pair in event.pairs if pair[0] not in own] == [p for p in pairs if p[0] not in own]
    assert content(run.events) == sent


@each_with_heads
@MORE
@given(RANDOM)
def test_responses_of_any_bytes(protocol: str, random: Random) -> None:
    headers = [*wild_variables(random), (b"Content-Type", b"text/plain")]
    data = encoded(lambda: WIRES[protocol].response(200, headers, b"body"))
    if data is None:
        return
    talk = Conversation(WIRES, protocol)
    events = [event for _, event, *_ in [*talk.feed("response", data), *talk.close("response")]]
    assert talk.errors == {}
    (head,) = [event for event in events if isinstance(event, Head)]
    said = {(name.lower(), value.strip(b" \t")) for name, value in head.headers}
    assert {(name.lower(), value.strip(b" \t")) for name, value in headers} <= said


@each_protocol
@FEW
@given(RANDOM)
def test_both_directions(protocol: str, random: Random) -> None:
    made = exchange(random, WIRES, protocol)
    talk = check_talk(WIRES, protocol, made.request, made.response, random)
    assert talk.errors == {}
    assert talk.settled("request") == len(made.request)
    assert talk.settled("response") == len(made.response)
    for fields in annotate_all(WIRES, protocol, made.request, made.response):
        assert not [field for field in fields if field.fault]


@each_with_heads
@FEW
@given(RANDOM)
def test_headers_and_variables_are_fields(protocol: str, random: Random) -> None:
    """Of inner protocols, too."""
    made = exchange(random, WIRES, protocol)
    asked, answered = annotate_all(WIRES, protocol, made.request, made.response)
    talk = Conversation(WIRES, protocol)
    for direction, data, fields in ((BOTH[0], made.request, asked), (BOTH[1], made.response, answered)):
        said = [*talk.feed(direction, data), *talk.close(direction)]
        check_agrees([event for of, event, *_ in said if of == protocol], fields)
    shown = {(field.name.lower(), field.value) for field in answered}
    assert {(text(name).lower(), text(value)) for name, value in made.headers} <= shown


def encoded(work: Callable[[], bytes]) -> bytes | None:
    """None: refused, by its name and with a reason."""
    try:
        return work()
    except CannotEncode as error:
        return None if str(error) else b""


# --- secrets ------------------------------------------------------------------------------------------------


def secret_exchange(protocol: str, random: Random) -> Exchange:
    """With an Authorization and a Set-Cookie, but not at the end of anything."""
    made = exchange(random, WIRES, protocol)
    variables = [pair for pair in made.variables if pair[1] != SECRET]
    variables[9:9] = [(b"HTTP_AUTHORIZATION", SECRET)]
    headers = [pair for pair in made.headers if pair[1] != SECRET]
    headers[1:1] = [(b"Set-Cookie", SECRET)]
    wire = WIRES[protocol]
    return made._replace(
        request=wire.request(variables, made.body), response=response(wire, made.status, headers, made.answer)
    )


@each_with_heads
@FEW
@given(RANDOM)
def test_no_secret_is_settled_before_its_head_is(protocol: str, random: Random) -> None:
    made = secret_exchange(protocol, random)
    talk = Conversation(WIRES, protocol)
    for direction, data in ((BOTH[0], made.request), (BOTH[1], made.response)):
        place, known = data.index(SECRET), False
        for piece in pieces(random, data):
            said = talk.feed(direction, piece)
            known = known or any(SECRET in dict(pairs_of(event)).values() for _, event, *_ in said)
            assert known or talk.settled(direction) <= place
        assert known


@each_with_heads
@FEW
@given(RANDOM)
def test_secrets_are_marked(protocol: str, random: Random) -> None:
    """Exactly the value; where the end of the message is missing, at least what there is of the value."""
    made = secret_exchange(protocol, random)
    for way in (0, 1):
        data = (made.request, made.response)[way]
        place = data.index(SECRET)
        assert secrets(protocol, made, way, len(data)) == set(range(place, place + len(SECRET)))
        for end in (random.randint(place + 1, len(data) - 1), place + 1, place + 3, place + len(SECRET)):
            assert secrets(protocol, made, way, end) >= set(range(place, min(end, place + len(SECRET))))


def secrets(protocol: str, made: Exchange, way: int, end: int) -> set[int]:
    """The offsets of what is marked as secret in one direction, of which there are `end` bytes."""
    both = (made.request[:end], b"") if way == 0 else (made.request, made.response[:end])
    marked = [field.spans for field in annotate_all(WIRES, protocol, *both)[way] if field.secret]
    return {byte for spans in marked for offset, length in spans for byte in range(offset, offset + length)}


# --- spoilt bytes ---------------------------------------------------------------------------------------------


@each_protocol
@pytest.mark.parametrize("kind", SPOILT)
@FEW
@given(random=RANDOM)
def test_any_bytes(protocol: str, kind: str, random: Random) -> None:
    maker = Maker(WIRES, protocol)
    direction = random.choice(BOTH)
    data, methods = maker.right(random, direction)
    check_input(WIRES, protocol, Input(direction, SPOILT[kind](random, data), methods), random)


@each_protocol
@MORE
@given(RANDOM)
def test_any_bytes_in_both_directions(protocol: str, random: Random) -> None:
    maker = Maker(WIRES, protocol)
    requests, responses = (SPOILT[random.choice([*SPOILT])](random, maker.right(random, way)[0]) for way in BOTH)
    check_talk(WIRES, protocol, requests, responses, random)


@each_protocol
@MORE
@given(data=st.binary(max_size=80), random=RANDOM)
@each_direction
def test_random_bytes(protocol: str, direction: Direction, data: bytes, random: Random) -> None:
    check_input(WIRES, protocol, Input(direction, data), random)


@each_protocol
@each_direction
def test_truncation_at_every_offset(protocol: str, direction: Direction) -> None:
    """A result, or an error at the end; never the events of bytes that are not there."""
    random = Random(4)  # noqa: S311 - not a secret
    made = exchange(random, WIRES, protocol)
    data: bytes = getattr(made, direction)
    for end in range(len(data) + 1):
        check_input(WIRES, protocol, Input(direction, data[:end], (made.method,)), random)


@each_protocol
@each_direction
def test_every_byte_changed(protocol: str, direction: Direction) -> None:
    random = Random(5)  # noqa: S311 - not a secret
    made = exchange(random, WIRES, protocol)
    data: bytes = getattr(made, direction)
    for at in range(len(data)):
        for byte in (TELLING[at % len(TELLING)], data[at] ^ 1):
            spoilt = data[:at] + bytes([byte]) + data[at + 1 :]
            check_input(WIRES, protocol, Input(direction, spoilt, (made.method,)), random)


SMALL = Limits(name=100, value=1000, head=4000, variables=50, requests=4)


@each_protocol
@each_direction
def test_memory_is_bounded(protocol: str, direction: Direction) -> None:
    """Much behind the beginning of a message, in pieces: a decoder keeps no more than its limits."""
    random = Random(6)  # noqa: S311 - not a secret
    peaks = []
    for filler in (
        b"\0",
        b"a",
        b"1",
        b"\xff",
        b"\r\n",
        b"a: b\r\n",
        b"A=b\0",
        b"\x01\x04\0\x01\x00\x08\0\0\x01\x05ABCDEF",
    ):
        data: bytes = getattr(exchange(random, WIRES, protocol), direction)
        for end in (0, 8, len(data) // 2, len(data)):
            peaks.append(peak(protocol, direction, data[:end], filler))
    assert max(peaks) < 250_000


def peak(protocol: str, direction: Direction, data: bytes, filler: bytes) -> int:
    """Bytes that are in use at most while this is decoded; events are not kept."""
    decoder = WIRES[protocol].decoders(SMALL)[direction == "response"]
    more = filler * (1024 // len(filler))
    tracemalloc.start()
    with contextlib.suppress(WireError):
        decoder.feed(data)
        for _ in range(100):
            decoder.feed(more)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


@each_with_heads
def test_a_large_body_byte_by_byte_is_no_problem(protocol: str) -> None:
    """What is long is passed on; it is not gathered again and again."""
    variables = [(b"REQUEST_METHOD", b"POST"), (b"REQUEST_URI", b"/"), (b"SCRIPT_NAME", b""), (b"PATH_INFO", b"/")]
    variables += [(b"SERVER_PROTOCOL", b"HTTP/1.1"), (b"CONTENT_LENGTH", b"60000"), (b"HTTP_HOST", b"h")]
    data = WIRES[protocol].request(variables, b"x" * 60_000)
    whole = decode(WIRES[protocol].decoders()[0], [data], as_sent=protocol not in NOT_AS_SENT)
    with bounded(10):
        cut = [data[at : at + 1] for at in range(len(data))]
        check_same(whole, decode(WIRES[protocol].decoders()[0], cut, as_sent=protocol not in NOT_AS_SENT))
    assert content(whole.events) == b"x" * 60_000


# --- specimens --------------------------------------------------------------------------------------------------


@each_protocol
def test_specimens(protocol: str) -> None:
    """Real bytes: decoded without an error, named without a fault; whole and cut."""
    random = Random(7)  # noqa: S311 - not a secret
    for name, found in SPECIMENS[protocol]:
        talk = check_talk(WIRES, protocol, found.request, found.response, random)
        assert talk.errors == {}, name
        for direction, data in ((BOTH[0], found.request), (BOTH[1], found.response)):
            asked = methods(WIRES, protocol, found.request)
            assert check_input(WIRES, protocol, Input(direction, data, asked), random) == "decoded", name
