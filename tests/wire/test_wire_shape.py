"""What all wire.py files share: tables, fields in pieces, specimens, both directions of a connection."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_contract import check_annotated, check_fields

from gateway_zoo.wire import specimen
from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.conversation import Conversation, annotate
from gateway_zoo.wire.decoder import Decoder, fault
from gateway_zoo.wire.events import Data, End, Event, Head, Pairs, Variables, method_of
from gateway_zoo.wire.faults import LIMITS, Limits, Malformed, Truncated
from gateway_zoo.wire.fields import Annotated, Field, Stream, cut, in_order, placed, secret, text
from gateway_zoo.wire.meta_variables import meaning
from gateway_zoo.wire.shape import Choice, Decimal, Literal, Number, Raw, Repeat, Shape, ShortOrLong, Zero, fields

FEW = settings(derandomize=True, deadline=None, max_examples=60)

PAIR = Shape(
    name="pair",
    means="a name and its value",
    pair=("name", "value"),
    parts=(
        ShortOrLong(name="nameLength"),
        ShortOrLong(name="valueLength"),
        Raw(name="name", size="nameLength"),
        Raw(name="value", size="valueLength"),
    ),
)
PACKET = Shape(
    name="packet",
    parts=(
        Literal(name="magic", data=b"\x12\x34"),
        Number(name="kind", bytes=1, values={1: "one", 2: "two"}),
        Number(name="size", bytes=2, little=True),
        Choice(
            name="content",
            size="size",
            on="kind",
            shapes={1: Shape(name="pairs", parts=(Repeat(name="all", size="", shape=PAIR),))},
        ),
        Zero(name="comment"),
        Decimal(name="more", until=b":"),
        Raw(name="tail", size="more"),
    ),
)
PACKED = b"\x12\x34\x01\x0f\x00" + b"\x01\x01ab" + b"\x06\x03Cookiex=y" + b"hm\x0003:\xff\\e"


def flat(found: list[Field]) -> list[tuple[Any, ...]]:
    return [(f.depth, f.offset, f.length, f.name, f.value) for f in found]


def test_shape_names_every_part() -> None:
    found, after = fields(PACKET, PACKED)
    assert after == len(PACKED)
    assert flat(found) == [
        (0, 0, 2, "magic", "\\x124"),
        (0, 2, 1, "kind", "1 (one)"),
        (0, 3, 2, "size", "15"),
        (0, 5, 15, "content", "pairs"),
        (1, 5, 15, "all", ""),
        (2, 5, 4, "a", "b"),
        (3, 5, 1, "nameLength", "1"),
        (3, 6, 1, "valueLength", "1"),
        (3, 7, 1, "name", "a"),
        (3, 8, 1, "value", "b"),
        (2, 9, 11, "Cookie", "x=y"),
        (3, 9, 1, "nameLength", "6"),
        (3, 10, 1, "valueLength", "3"),
        (3, 11, 6, "name", "Cookie"),
        (3, 17, 3, "value", "x=y"),
        (0, 20, 3, "comment", "hm"),
        (0, 23, 3, "more", "3"),
        (0, 26, 3, "tail", "\\xff\\x5ce"),
    ]
    assert [f.value for f in found if f.secret] == ["x=y"]
    assert not any(f.fault for f in found)
    assert fields(PACKET, b"##" + PACKED, 2)[0][0] == Field(2, 2, "magic", "\\x124")


def test_a_choice_that_nobody_knows_is_raw() -> None:
    found, _ = fields(PACKET, b"\x12\x34\x07\x02\x00ab\x000:")
    assert flat(found)[1:4] == [(0, 2, 1, "kind", "7"), (0, 3, 2, "size", "2"), (0, 5, 2, "content", "ab")]
    assert not any(f.fault for f in found)


def test_four_bytes_of_length() -> None:
    found, _ = fields(PAIR, b"\x80\x00\x00\x01\x00n")
    assert flat(found)[:2] == [(0, 0, 6, "n", ""), (1, 0, 4, "nameLength", "1")]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"\x12\x35", (0, 0, 2, "magic", "\\x125: not \\x124")),
        (b"", (0, 0, 0, "magic", ": not \\x124")),
        (b"\x12\x34\x01\x05", (0, 3, 1, "size", "cut off: 1 of 2 bytes")),
        (b"\x12\x34\x07\x05\x00abc", (0, 5, 3, "content", "cut off: 3 of 5 bytes")),
        (b"\x12\x34\x01\x05\x00\x02\x00a", (3, 7, 1, "name", "cut off: 1 of 2 bytes")),
        (b"\x12\x34\x01\x05\x00\x01\x00a", (1, 8, 0, "content", "cut off: 3 of 5 bytes")),
        (b"\x12\x34\x07\x00\x00abc", (0, 5, 3, "comment", "cut off: no NUL")),
        (b"\x12\x34\x07\x00\x00\x00+1:", (0, 6, 3, "more", "+1: not digits up to :")),
        (b"\x12\x34\x07\x00\x00\x00:", (0, 6, 1, "more", ": not digits up to :")),
        (b"\x12\x34\x07\x00\x00\x0012", (0, 6, 2, "more", "12: not digits up to :")),
        (b"\x12\x34\x07\x00\x00\x00" + b"1" * 21 + b":", (0, 6, 22, "more", "1" * 21 + ":: not digits up to :")),
        (b"\x12\x34\x07\x00\x00\x002:a", (0, 8, 1, "tail", "cut off: 1 of 2 bytes")),
    ],
)
def test_what_is_wrong_is_the_last_field(data: bytes, fault: tuple[Any, ...]) -> None:
    found, after = fields(PACKET, data)
    assert flat(found)[-1] == fault
    assert [f.fault for f in found] == [False] * (len(found) - 1) + [True]
    assert after == len(data)
    check_annotated(Annotated(found, []), len(data))


def test_a_fault_inside_stays_inside() -> None:
    """A pair that is longer than its block: what lies behind the block is no part of the fault's parents."""
    data = b"\x12\x34\x01\x08\x00" + b"\x01\x01ab" + b"\x01\x09cd" + b"hm\x000:"
    found, after = fields(PACKET, data)
    assert flat(found)[-7:] == [
        (3, 8, 1, "value", "b"),
        (2, 9, 4, "c", ""),
        (3, 9, 1, "nameLength", "1"),
        (3, 10, 1, "valueLength", "9"),
        (3, 11, 1, "name", "c"),
        (3, 12, 1, "value", "cut off: 1 of 9 bytes"),
        (0, 13, 5, "rest", "5 bytes"),
    ]
    assert [f.name for f in found if f.fault] == ["value", "rest"]
    assert after == len(data)
    check_annotated(Annotated(found, []), len(data))


def test_the_beginning_of_a_secret_is_one() -> None:
    found, _ = fields(Shape(name="s", parts=(Repeat(name="all", size="", shape=PAIR),)), b"\x06\x09Cookiex=")
    assert [(f.name, f.offset, f.length, f.fault) for f in found if f.secret] == [("value", 8, 2, True)]
    assert not any("x=" in f.value for f in found)


@FEW
@given(st.integers(0, len(PACKED)), st.integers(0, 255), st.integers(0, len(PACKED)))
def test_no_table_fails(at: int, byte: int, length: int) -> None:
    data = (PACKED[:at] + bytes([byte]) + PACKED[at + 1 :])[:length]
    found, after = fields(PACKET, data)
    rest = [Field(after, len(data) - after, "behind")] if after < len(data) else []
    check_annotated(Annotated(found + rest, []), len(data))


# --- fields ---------------------------------------------------------------------------------------------


def test_placed_moves_split_fields_to_their_pieces() -> None:
    spans = ((10, 4), (20, 3), (30, 5))
    inner = [Field(0, 2, "a"), Field(3, 2, "b", depth=1), Field(2, 10, "c"), Field(4, 0, "d"), Field(12, 0, "e")]
    assert placed(inner, spans, 2) == [
        Field(10, 2, "a", depth=2),
        Field(13, 1, "b", depth=3, rest=((20, 1),)),
        Field(12, 2, "c", depth=2, rest=((20, 3), (30, 5))),
        Field(14, 0, "d", depth=2),
        Field(35, 0, "e", depth=2),
    ]


@FEW
@given(st.data())
def test_placed_fields_have_the_same_bytes(data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), min_size=1, max_size=6))
    spans, end = [], 0
    for gap, length in lengths:
        spans.append((end + gap, length))
        end += gap + length
    outside = bytes(range(end))
    inside = cut(outside, spans)
    first = data.draw(st.integers(0, len(inside)))
    length = data.draw(st.integers(0, len(inside) - first))
    (found,) = placed([Field(first, length, "f")], tuple(spans), 1)
    assert cut(outside, found.spans) == inside[first : first + length]
    if first == 0:  # and a field in pieces can be placed once more
        (again,) = placed([found], ((0, end),), 1)
        assert again.spans == found.spans


def test_empty_fields_stay_with_what_they_end() -> None:
    outer = [Field(0, 4, "one"), Field(4, 0, "padding"), Field(4, 4, "two"), Field(8, 0, "nothing")]
    inner = [Field(0, 3, "x", depth=1), Field(3, 1, "y", depth=1), Field(4, 0, "z", depth=2)]
    assert [f.name for f in in_order(outer + inner)] == ["one", "x", "y", "z", "padding", "two", "nothing"]
    check_fields(in_order(outer + inner), 8)


def test_an_empty_value_is_no_part_of_the_next_variable() -> None:
    data = b"\x01\x00a\x01\x01bc"
    found, _ = fields(Shape(name="s", parts=(Repeat(name="all", size="", shape=PAIR),)), data)
    assert in_order(found) == found
    assert [f.name for f in found].count("value") == 2


@pytest.mark.parametrize(
    "name", [b"HTTP_AUTHORIZATION", b"Set-Cookie", b"cookie", b"HTTP_COOKIE", b"PROXY_AUTHORIZATION"]
)
def test_secret_names(name: bytes) -> None:
    assert secret(name)
    assert not secret(name + b"S")


def test_text_is_printable() -> None:
    assert text(bytes(range(256))).isprintable()
    assert text(b"\x00a\\\xff\n") == "\\x00a\\x5c\\xff\\x0a"


def test_meaning_of_variables() -> None:
    assert meaning("PATH_INFO")[1] == "RFC 3875 4.1.5"
    assert meaning("HTTP_X_Y") == ("the client's header X-Y, or one of the web server's own", "RFC 3875 4.1.18")
    assert meaning("HTTPS") == ("on: the client came over TLS", "")
    assert meaning("nothing") == ("", "")


# --- specimens ------------------------------------------------------------------------------------------


@FEW
@given(st.text(), st.text(), st.binary(max_size=70), st.binary(max_size=70))
def test_specimen_is_read_as_written(about: str, by: str, request: bytes, response: bytes) -> None:
    made = specimen.Specimen(about=about, by=by, request=request, response=response, protocol="HTTP")
    assert specimen.loads(specimen.dumps(made)) == made


def test_specimen_file(tmp_path: Path) -> None:
    made = specimen.Specimen(about="it's", by='a "b"', request=b"it's\\\x00" * 5, response=b"")
    (tmp_path / "x.toml").write_text(specimen.dumps(made), encoding="utf-8")
    assert specimen.load(tmp_path / "x.toml") == made
    lines = (tmp_path / "x.toml").read_text(encoding="utf-8").splitlines()
    assert lines[4] == "00000000  69 74 27 73 5c 00 69 74 27 73 5c 00 69 74 27 73  |it.s\\.it.s\\.it.s|"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("about = 1\nby = ''", msgspec.ValidationError),
        ("by = ''", msgspec.ValidationError),
        ("about = ''\nby = ''\nrequest = 5", msgspec.ValidationError),
        ("about = ''\nby = ''\nmore = 5", msgspec.ValidationError),
        ("about = ''\nby = ''\nrequest = '00000000 4g'", ValueError),
        ("about", ValueError),
    ],
)
def test_no_specimen(tmp_path: Path, given: str, expected: type[Exception]) -> None:
    (tmp_path / "x.toml").write_text(given, encoding="utf-8")
    with pytest.raises(expected):
        specimen.load(tmp_path / "x.toml")


# --- both directions ------------------------------------------------------------------------------------


class Frames(Decoder):
    """A protocol for these tests: an id, a length, and bytes of a stream; length 0 ends the message of that id."""

    def _decode(self, data: bytes, events: list[Event]) -> int:
        at = 0
        while at + 2 <= len(data) and at + 2 + data[at + 1] <= len(data):
            id, length = data[at : at + 2]
            if id == 255:
                raise Malformed(self.offset + at, data[at:], "an id below 255")
            if length:
                events.append(Data(self.offset + at + 2, id, "OUT", data[at + 2 : at + 2 + length]))
            else:
                events.append(End(self.offset + at + 2, id))
            at += 2 + length
        return at


class Lines(Decoder):
    """Inside: a line is a head, what follows is the body; a line "!" is a fault."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self.head, self.methods = False, list[bytes]()

    def asked(self, request: Head | Variables) -> None:
        self.methods.append(method_of(request))

    def _decode(self, data: bytes, events: list[Event]) -> int:
        if self.head:
            events.append(Data(self.offset, 0, "body", data))
            return len(data)
        line, newline, rest = data.partition(b"\n")
        if line == b"!":
            raise Malformed(self.offset, data, "anything else")
        if not newline:
            return 0
        self.head = True
        events.append(Head(self.offset, 0, line, [(b"asked", method) for method in self.methods]))
        if rest:
            events.append(Data(self.offset + len(line) + 1, 0, "body", rest))
        return len(data)


class Starts(Decoder):
    """Requests: lines, each a head; every second one with id 2."""

    id = 1

    def _decode(self, data: bytes, events: list[Event]) -> int:
        used = data.rfind(b"\n") + 1
        for line in data[:used].splitlines():
            events += [Head(self.offset, self.id, line, []), End(self.offset + used, self.id)]
            self.id = 3 - self.id
        return used


def no_fields(_: Direction, data: bytes, __: object = ()) -> Annotated:
    return Annotated([Field(0, len(data), "all")] if data else [], [])


def frame_fields(direction: Direction, data: bytes, _: object = ()) -> Annotated:
    """Every frame a field of depth 0 with its content at depth 1; one stream per id."""
    if direction == "request":
        return no_fields(direction, data)
    found, spans, at = [], dict[int, list[tuple[int, int]]](), 0
    while at < len(data):
        length = data[at + 1]
        found += [Field(at, 2 + length, "frame"), Field(at + 2, length, "content", depth=1)]
        if length:
            spans.setdefault(data[at], []).append((at + 2, length))
        at += 2 + length
    return Annotated(found, [Stream("lines", tuple(spans[id]), 2) for id in spans])


def line_fields(_: Direction, data: bytes, __: object = ()) -> Annotated:
    line, newline, rest = data.partition(b"\n")
    found = [Field(0, len(line), "line"), Field(len(line), len(newline), "newline")]
    return Annotated([*found, Field(len(line + newline), len(rest), "rest")], [])


def wire(
    inner: dict[str, str], requests: type[Decoder], responses: type[Decoder], said: Callable[..., Annotated]
) -> Any:
    def pair(limits: Limits = LIMITS) -> tuple[Decoder, Decoder]:
        return requests(limits), responses(limits)

    return SimpleNamespace(INNER=inner, BEGINS={}, decoders=pair, annotate=said)


INVENTED = cast(
    "Codecs",
    {"frames": wire({"OUT": "lines"}, Starts, Frames, frame_fields), "lines": wire({}, Starts, Lines, line_fields)},
)


def frame(id: int, content: bytes = b"") -> bytes:
    return bytes([id, len(content)]) + content


def heads(talk: Conversation, direction: Direction, data: bytes) -> list[tuple[bytes, Pairs]]:
    return [
        (said.event.start, said.event.headers)
        for said in talk.feed(direction, data)
        if isinstance(said.event, Head) and said.protocol == "lines"
    ]


def test_each_inner_response_is_told_its_own_method() -> None:
    talk = Conversation(INVENTED, "frames")
    talk.feed("request", b"HEAD /\nGET /\n")
    assert heads(talk, "response", frame(2, b"two\n")) == [(b"two", [(b"asked", b"GET")])]
    assert heads(talk, "response", frame(1, b"one\n")) == [(b"one", [(b"asked", b"HEAD")])]


def test_an_id_that_is_used_again_begins_anew() -> None:
    talk = Conversation(INVENTED, "frames")
    talk.feed("request", b"HEAD /\n")
    first = frame(1, b"one\n") + frame(1, b"body") + frame(1)
    assert heads(talk, "response", first) == [(b"one", [(b"asked", b"HEAD")])]
    talk.feed("request", b"GET /two\nPUT /\n")
    assert heads(talk, "response", frame(1, b"next\n") + frame(1)) == [(b"next", [(b"asked", b"PUT")])]
    assert talk.errors == {}


def test_what_is_inside_ends_with_its_message() -> None:
    talk = Conversation(INVENTED, "frames")
    talk.feed("request", b"GET /1\nGET /2\nGET /3\n")
    talk.feed("response", frame(1, b"no end of the line"))
    assert talk.settled("response") == 2
    talk.feed("response", frame(1))
    assert isinstance(talk.errors["response"], Truncated)
    talk.feed("response", frame(2, b"line\n"))
    assert talk.settled("response") == 29, "a decoder that has stopped waits for nothing"
    assert heads(talk, "response", frame(1, b"again\n")) == [(b"again", [(b"asked", b"GET")])]


def test_settled_waits_for_the_slowest_head() -> None:
    talk = Conversation(INVENTED, "frames")
    talk.feed("request", b"GET /1\nGET /2\n")
    settled = []
    for data in (frame(1, b"on"), frame(2, b"two\n"), frame(2, b"body"), frame(1, b"e\n"), frame(1)[:1], frame(1)[1:]):
        talk.feed("response", data)
        settled.append(talk.settled("response"))
    assert settled == [2, 2, 2, 20, 20, 22]


def test_a_direction_that_is_wrong_stays_so() -> None:
    talk = Conversation(INVENTED, "frames")
    talk.feed("request", b"\x01")  # a request that is not whole: the answers may be its
    said = talk.feed("response", frame(3, b"line\n") + frame(255) + frame(4, b"line\n"))
    assert [s.event for s in said[:-1]] == [Data(2, 3, "OUT", b"line\n"), Head(0, 0, b"line", [])]
    assert said[-1] == ("frames", fault(talk.errors["response"]), None, True)
    assert type(talk.errors["response"]) is Malformed
    assert talk.feed("response", frame(4, b"line\n")) == talk.close("response") == []
    assert talk.feed("request", b"GET /\n")[0].event == Head(0, 1, b"\x01GET /", [])
    assert "request" not in talk.errors


def test_what_is_wrong_inside_does_not_stop_the_outer() -> None:
    """However the bytes are cut: what stands behind the fault, the outer protocol says all the same."""
    data = frame(1, b"!\n") + frame(2, b"line\n") + frame(1, b"more")
    whole, cut = Conversation(INVENTED, "frames"), Conversation(INVENTED, "frames")
    for each in (whole, cut):
        each.feed("request", b"\x01")
    said = whole.feed("response", data)
    assert said == [one for at in range(len(data)) for one in cut.feed("response", data[at : at + 1])]
    assert [s.event for s in said if s.protocol == "lines"] == [
        fault(whole.errors["response"]),
        Head(0, 0, b"line", []),
    ]
    assert [s.event.offset for s in said if s.protocol == "frames"] == [2, 6, 13]
    assert whole.errors.keys() == cut.errors.keys() == {"response"}
    assert whole.settled("response") == cut.settled("response") == len(data)
    assert whole.faulty("response", 2)
    assert not whole.faulty("response", 6)
    assert not whole.faulty("response")


def test_fields_of_inner_protocols_stand_below_their_carrier() -> None:
    response = frame(1, b"li") + frame(2, b"x\n") + frame(1, b"ne") + frame(2) + frame(1, b"\nbody") + frame(1)
    requests, responses = annotate(INVENTED, "frames", b"GET /\n", response)
    assert [f.name for f in requests] == ["all"]
    check_fields(responses, len(response))
    line = next(f for f in responses if f.name == "line")
    assert cut(response, line.spans) == b"line"
    assert (line.depth, line.spans) == (2, ((2, 2), (10, 2)))
    names = [f.name for f in responses]
    assert (
        names
        == (
            "frame content line frame content line newline rest frame content frame content frame content newline rest "
            "frame content"
        ).split()
    )
