"""SCGI: one netstring of headers, then the body; back comes a CGI response, ended by closing.

Source: "SCGI: A Simple Common Gateway Interface alternative", Neil Schemenauer, 2008-06-23 (sections 2 and 3), and
"Netstrings", D. J. Bernstein, 1997. A request is `70:` + 70 bytes of name NUL value NUL … + `,` + as many bytes of body
as the first header, CONTENT_LENGTH, says. One request a connection.

What trips people up: the specification forbids a name that stands twice, and nginx before 1.23 sends one where a client
repeats a header. A reader who debugs a gateway must see that request, and its end is not in doubt: so the decoder
passes both on with a Breach, and `request` refuses to write it. Only two CONTENT_LENGTHs that differ are an error: two
gateways may then disagree on where the body ends. Zeros before a netstring's length are forbidden, zeros before
CONTENT_LENGTH's digits are not.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from gateway_zoo.wire import foreign
from gateway_zoo.wire.body import OneRequest, announced
from gateway_zoo.wire.codecs import Direction, Dissector
from gateway_zoo.wire.decoder import Decoder, breach
from gateway_zoo.wire.events import Breach, Data, End, Event, Pairs, Variables
from gateway_zoo.wire.faults import LIMITS, CannotEncode, Limits, Malformed, TooLong, TooMany
from gateway_zoo.wire.fields import Annotated, Field, Stream
from gateway_zoo.wire.heads import cgi_head
from gateway_zoo.wire.shape import LONGEST_DECIMAL, Decimal, Literal, Repeat, Shape, Zero, fields

INNER: Mapping[str, str] = {"RESPONSE": "CGI"}
PORT = 4000
BEGINS: Mapping[Direction, re.Pattern[bytes]] = {"request": re.compile(rb"[0-9]+:[A-Z]"), "response": foreign.TEXT}
TELLING = 4  # bytes that tell another protocol by its beginning
COMMA, ZERO = 0x2C, 0x30
DISSECTOR = Dissector(
    answers="data-text-lines",
    strict=True,
    note="The answer is a CGI response. Wireshark has no dissector for it: each segment is shown as lines of text.",
)

HEADER = Shape(
    name="header",
    means="a name and its value",
    pair=("name", "value"),
    parts=(
        Zero(name="name", means="the name, ended by NUL; never empty", section="SCGI 3"),
        Zero(name="value", means="the value, ended by NUL", section="SCGI 3"),
    ),
)
LAYOUT = Shape(
    name="scgi",
    means="a request up to its body",
    parts=(
        Decimal(name="length", until=b":", means="bytes of the headers", section="Netstrings"),
        Repeat(name="headers", size="length", shape=HEADER, means="CONTENT_LENGTH first", section="SCGI 3"),
        Literal(name="comma", data=b",", means="ends the headers", section="Netstrings"),
    ),
)


class BadNetstring(Malformed):
    """A length that is no decimal number without sign or leading zero, or no comma behind the headers."""


class BadHeaders(Malformed):
    """Headers that are no row of name NUL value NUL, or a name that is empty or stands twice."""


class BadContentLength(Malformed):
    """A CONTENT_LENGTH that is not the first header, or there twice; or, with the body's end in doubt: it is no number,
    or two differ."""


class NoVersion(Malformed):
    """No header SCGI with the value 1."""


def judge(pairs: Pairs, block: bytes, at: int) -> Iterator[Breach]:
    """Find what is forbidden and leaves no doubt. `block`: the bytes of these headers, which stand at `at`."""
    names = [name for name, _ in pairs]
    if at > len(b"%d:" % len(block)):
        yield breach(BadNetstring(0, b"", "a length without a zero before it"), at)
    if b"SCGI" not in names:
        yield breach(NoVersion(at, block, "a header SCGI with the value 1 (section 3)"), len(block))
    if b"CONTENT_LENGTH" not in names:
        yield breach(BadContentLength(at, block, "CONTENT_LENGTH as the first header (section 3)"), len(block))
    seen: set[bytes] = set()
    for name, value in pairs:
        size = min(len(name) + len(value) + 2, len(block))
        header = block[:size]
        if not name:
            yield breach(BadHeaders(at, header, "a name that is not empty (section 3)"), size)
        elif name in seen:
            yield breach(BadHeaders(at, header, "a name only once (section 3)"), size)
        elif name == b"CONTENT_LENGTH" and seen:
            yield breach(BadContentLength(at, header, "CONTENT_LENGTH as the first header (section 3)"), size)
        elif name == b"CONTENT_LENGTH" and not value:
            yield breach(BadContentLength(at, header, "CONTENT_LENGTH as decimal digits (section 3)"), size)
        elif name == b"SCGI" and value != b"1":
            yield breach(NoVersion(at, header, "a header SCGI with the value 1 (section 3)"), size)
        if len(name) + len(value) + 2 > len(block):
            yield breach(BadHeaders(at, header, "name NUL value NUL, again and again"), size)
        seen.add(name)
        at, block = at + size, block[size:]


def doubtful(pairs: Pairs, at: int) -> tuple[bytes, int]:
    """Return the last CONTENT_LENGTH with a value, and its place, of headers that stand at `at`."""
    last = b"", at
    for name, value in pairs:
        if name == b"CONTENT_LENGTH" and value:
            last = value, at + len(name) + 1
        at += len(name) + len(value) + 2
    return last


class Requests(OneRequest):
    """The decoder of one request.

    Splitting the headers is most of the time, and Python is slow for each string and quick for a whole block. So the
    headers are split in one go, and a few questions that C answers for all of them tell whether all is right. Only if
    one of the answers is wrong, each header is looked at.
    """

    WAITS_FOR = "the rest of the netstring"

    __slots__ = ("_harmless",)

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._harmless = min(limits.name, limits.value)  # bytes of a string

    def _head(self, data: bytes, events: list[Event]) -> tuple[int, int] | None:
        digits, colon, _ = data[:LONGEST_DECIMAL].partition(b":")
        if not digits.isdigit():
            if len(data) < TELLING:
                return None
            raise self._no_length(data)
        if not colon and len(data) < LONGEST_DECIMAL:
            return None
        start, size = len(digits) + 1, int(digits)
        if size > self.limits.head:
            raise TooLong(0, data, f"headers of at most {self.limits.head} bytes")
        after = start + size
        if after >= len(data):
            return None
        length = self._headers(data, start, after, events)
        if data[after] != COMMA:
            raise BadNetstring(after, data[after:], "a comma behind the headers")
        return after + 1, length

    def _headers(self, data: bytes, at: int, end: int, events: list[Event]) -> int:
        """Read the headers from `at` to `end`. Return the length of the body."""
        block = data[at:end]
        strings = block.split(b"\0")
        last = strings.pop()
        if broken := bool(last or len(strings) % 2):
            strings += [last, b""][: 2 - len(strings) % 2]
        each = iter(strings)
        pairs = list(zip(each, each))  # noqa: B905 - the keyword is slower
        names = set(strings[::2])
        if len(pairs) > self.limits.variables or (
            len(block) > self._harmless and max(map(len, strings)) > self._harmless
        ):
            self._check_limits(block, pairs, at)
        events.append(Variables(0, 0, pairs))
        if (
            not broken
            and strings
            and strings[0] == b"CONTENT_LENGTH"
            and strings[1].isdigit()
            and (b"SCGI", b"1") in pairs
            and len(names) == len(pairs)
            and b"" not in names
            and data[0] != ZERO
            and len(strings[1]) < LONGEST_DECIMAL
        ):
            return int(strings[1])
        events += judge(pairs, block, at)
        length = announced([value for name, value in pairs if name == b"CONTENT_LENGTH"])
        if length is None:
            value, at = doubtful(pairs, at)
            raise BadContentLength(at, value, "CONTENT_LENGTH once, as decimal digits (section 3)")
        return length

    def _check_limits(self, block: bytes, pairs: Pairs, at: int) -> None:
        if len(pairs) > self.limits.variables:
            raise TooMany(at, block, f"at most {self.limits.variables} headers, not {len(pairs)}")
        for name, value in pairs:
            for kind, string, limit in (("name", name, self.limits.name), ("value", value, self.limits.value)):
                if len(string) > limit:
                    raise TooLong(at, string, f"a {kind} of at most {limit} bytes, not {len(string)}")
                at += len(string) + 1

    def _no_length(self, data: bytes) -> BadNetstring:
        return BadNetstring(0, data, "the length of the headers in decimal, and a colon")

    def _close(self, events: list[Event]) -> None:
        if self._body is None and self._rest:
            digits, _, block = self._rest.partition(b":")
            if not digits.isdigit():
                raise self._no_length(self._rest)
            strings = block.split(b"\0")[:-1]
            if whole := list(zip(strings[::2], strings[1::2], strict=False)):
                events.append(Variables(0, 0, whole))
        super()._close(events)


class Responses(Decoder):
    """SCGI does not define an answer. All servers send a CGI response and close; CGI's own decoder reads it."""

    __slots__ = ()

    def _decode(self, data: bytes, events: list[Event]) -> int:
        if data:
            events.append(Data(self.offset, 0, "RESPONSE", data))
        return len(data)

    def _close(self, events: list[Event]) -> None:
        events.append(End(self.offset, 0))


def decoders(limits: Limits = LIMITS) -> tuple[Decoder, Decoder]:
    """Make the decoders of requests and of responses."""
    return Requests(limits), Responses(limits)


def annotate(direction: Direction, data: bytes, methods: Sequence[bytes] = ()) -> Annotated:
    """Name every byte. Never raises: what is wrong is a field with `fault`."""
    if direction == "response":
        return Annotated([], [Stream("CGI", ((0, len(data)),), 0)] if data else [])
    if not data:
        return Annotated([], [])
    named, after = fields(LAYOUT, data)
    named = [piece for field in named for piece in _value_and_nul(field, data)]
    given = [i for i, field in enumerate(named) if field.depth == 1 and field.name == "CONTENT_LENGTH"]
    length = announced([named[i].value.encode() for i in given])
    rest = data[after:]
    if length is None:
        last = next(i for i in reversed(given) if named[i].value)
        value = next(i for i in range(last + 1, len(named)) if named[i].name == "value")
        named[value] = replace(named[value], fault=True)
        if rest:
            named.append(
                Field(after, len(rest), "rest", f"{len(rest)} bytes", "the body's end is in doubt", fault=True)
            )
    elif rest:
        body = rest[:length]
        if body:
            named.append(
                Field(after, len(body), "body", f"{len(body)} of {length} bytes", "what CONTENT_LENGTH counts")
            )
        if surplus := len(rest) - len(body):
            named.append(Field(after + len(body), surplus, "surplus", f"{surplus} bytes", "behind the request"))
    return Annotated(named, [])


def _value_and_nul(field: Field, data: bytes) -> list[Field]:
    """Part a secret from the NUL behind it, which is not masked. A secret that is cut off has no NUL."""
    end = field.offset + field.length
    if not field.secret or not field.length or data[end - 1] != 0:
        return [field]
    nul = Field(end - 1, 1, "NUL", means="ends the value", depth=field.depth)
    return [replace(field, length=field.length - 1), nul]


def request(variables: Pairs, body: bytes = b"") -> bytes:
    """Write a request. CONTENT_LENGTH is put first; it and SCGI are added if absent. Raises CannotEncode."""
    given = dict(variables)
    if len(given) < len(variables):
        raise CannotEncode("a name stands twice, which SCGI forbids")
    length = given.pop(b"CONTENT_LENGTH", b"") or b"%d" % len(body)
    if not length.isdigit():
        raise CannotEncode(f"CONTENT_LENGTH {length!r} is no decimal number")
    if given.setdefault(b"SCGI", b"1") != b"1":
        raise CannotEncode(f"SCGI has the value 1, not {given[b'SCGI']!r}")
    strings = [b"CONTENT_LENGTH", length, *(text for pair in given.items() for text in pair)]
    if b"" in strings[::2] or any(b"\0" in text for text in strings):
        raise CannotEncode("a name that is empty, or a NUL in a name or value")
    block = b"\0".join(strings) + b"\0"
    return b"%d:%b," % (len(block), block) + body


def response(status: int, headers: Pairs, body: bytes = b"") -> bytes:
    """Write the answer of an SCGI server: CGI's (RFC 3875, section 6), ended by closing. Raises CannotEncode."""
    return cgi_head(status, headers) + body
