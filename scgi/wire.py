"""SCGI: one netstring of headers, then the body; back comes a CGI response, ended by closing.

Source: "SCGI: A Simple Common Gateway Interface alternative", Neil Schemenauer, 2008-06-23 (sections 2 and 3), and
"Netstrings", D. J. Bernstein, 1997. A request is `70:` + 70 bytes of name NUL value NUL … + `,` + as many bytes of body
as the first header, CONTENT_LENGTH, says. One request a connection.

What trips people up: the specification forbids a name that stands twice, and nginx before 1.23 sends one where a client
repeats a header. A reader who debugs a gateway must see that request, and its end is not in doubt: so the decoder
passes both on, `annotate` marks the second as a fault, and `request` refuses to write it. Only a second CONTENT_LENGTH
is an error: two gateways may then disagree on where the body ends. Zeros before a netstring's length are forbidden,
zeros before CONTENT_LENGTH's digits are not.
"""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from gateway_zoo.wire.codecs import Direction, Dissector
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, End, Event, Pairs, Variables
from gateway_zoo.wire.faults import LIMITS, CannotEncode, Limits, Malformed, TooLong, TooMany, Truncated
from gateway_zoo.wire.fields import Annotated, Field, Stream
from gateway_zoo.wire.heads import cgi_head
from gateway_zoo.wire.shape import LONGEST_DECIMAL, Decimal, Literal, Repeat, Shape, Zero, fields

INNER: Mapping[str, str] = {"RESPONSE": "CGI"}
PORT = 4000
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
    """Headers that are no row of name NUL value NUL, or a name that is empty."""


class BadContentLength(Malformed):
    """A CONTENT_LENGTH that is not the first header, not digits, or there twice: the body's end is in doubt."""


class NoVersion(Malformed):
    """No header SCGI with the value 1."""


class BehindRequest(Malformed):
    """Bytes behind the body: a connection carries one request."""


def check(strings: list[bytes], offset: int, limits: Limits) -> None:
    """Raise what is wrong with these headers, if anything is. `offset` is the place of the first.

    `strings`: the strings between the NULs, and the bytes behind the last NUL. Raises BadHeaders, BadContentLength,
    NoVersion, TooLong or TooMany.
    """
    block = b"\0".join(strings)
    count = len(strings) // 2
    if strings[-1] or len(strings) == 2 * count:
        raise BadHeaders(offset, block, "name NUL value NUL, again and again")
    if count > limits.variables:
        raise TooMany(offset, block, f"at most {limits.variables} headers, not {count}")
    if strings[0] != b"CONTENT_LENGTH":
        raise BadContentLength(offset, block, "CONTENT_LENGTH as the first header (section 3)")
    at = offset
    for index, string in enumerate(strings[:-1]):
        _check_string(string, index, at, limits)
        at += len(string) + 1
    if (b"SCGI", b"1") not in zip(strings[::2], strings[1::2], strict=False):
        raise NoVersion(offset, block, "a header SCGI with the value 1 (section 3)")


def _check_string(string: bytes, index: int, at: int, limits: Limits) -> None:
    kind, limit = ("value", limits.value) if index % 2 else ("name", limits.name)
    if len(string) > limit:
        raise TooLong(at, string, f"a {kind} of at most {limit} bytes, not {len(string)}")
    if index == 1 and not (string.isdigit() and len(string) < LONGEST_DECIMAL):
        raise BadContentLength(at, string, "CONTENT_LENGTH as decimal digits (section 3)")
    if kind == "name" and not string:
        raise BadHeaders(at, string, "a name that is not empty (section 3)")
    if kind == "name" and index and string == b"CONTENT_LENGTH":
        raise BadContentLength(at, string, "CONTENT_LENGTH only once (section 3)")


class Requests(Decoder):
    """The decoder of one request.

    Splitting the headers is most of the time, and Python is slow for each string and quick for a whole block. So the
    headers are split in one go, and a few questions that C answers for the whole block tell whether all is right. Only
    if one of the answers is wrong, `check` looks at string after string, and finds which one.
    """

    WAITS_FOR = "the rest of the netstring"

    #: Bytes of the body that are to come, once the headers are complete; heads up to `_harmless` bytes break no limit.
    __slots__ = ("_body", "_harmless")

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._harmless = min(limits.head, limits.value, limits.name, 2 * limits.variables)

    def _decode(self, data: bytes, events: list[Event]) -> int:
        if self.offset:
            return self._more(data, 0, events)
        colon = data.find(b":", 0, LONGEST_DECIMAL)
        digits = data[:colon] if colon >= 0 else data[:LONGEST_DECIMAL]
        if not digits.isdigit() or (digits[0] == 0x30 and len(digits) > 1):
            return self._no_length(data)
        if colon < 0 and len(data) < LONGEST_DECIMAL:
            return 0
        size = int(digits)
        if size > self._harmless and size > self.limits.head:
            raise TooLong(0, data, f"headers of at most {self.limits.head} bytes")
        start = colon + 1
        after = start + size
        if after >= len(data):
            return 0
        if data[after] != 0x2C:
            raise BadNetstring(after, data[after:], "a comma behind the headers")
        # The next lines are in this method because a call more breaks the limit of `make bench-wire`.
        block = data[start:after]
        strings = block.split(b"\0")
        names, each = strings[:-1:2], iter(strings)
        pairs = list(zip(each, each))  # noqa: B905 - the keyword is slower
        try:
            version = strings[2 * names.index(b"SCGI") + 1]
        except ValueError:
            version = b""
        if (
            strings[-1]
            or not len(strings) & 1
            or b"" in names
            or block.rfind(b"CONTENT_LENGTH\0") != 0  # the first, and the only one
            or not strings[1].isdigit()
            or len(strings[1]) >= LONGEST_DECIMAL
            or version != b"1"
            or (size > self._harmless and self._breaks_a_limit(size, names))
        ):
            check(strings, start, self.limits)
        self._body = int(strings[1])
        events.append(Variables(0, 0, pairs))
        after += 1
        if not self._body:
            events.append(End(after, 0))
        return after if after == len(data) else self._more(data, after, events)

    def _breaks_a_limit(self, size: int, names: list[bytes]) -> bool:
        """Tell whether a limit may be broken. A value can be too long only in a head that is."""
        limits = self.limits
        return len(names) > limits.variables or size > limits.value or max(map(len, names)) > limits.name

    def _more(self, data: bytes, at: int, events: list[Event]) -> int:
        """Read more of the body. Return the offset behind it."""
        if self._body and (piece := data[at : at + self._body]):
            events.append(Data(self.offset + at, 0, "body", piece))
            at += len(piece)
            self._body -= len(piece)
            if not self._body:
                events.append(End(self.offset + at, 0))
        if at < len(data):
            raise BehindRequest(self.offset + at, data[at:], "nothing behind the body: one request a connection")
        return at

    def _no_length(self, data: bytes) -> int:
        if data:
            raise BadNetstring(0, data, "the length of the headers in decimal, no zero before it, and a colon")
        return 0

    def _close(self, events: list[Event]) -> None:
        super()._close(events)
        if self.offset and self._body:
            raise Truncated(self.offset, b"", f"{self._body} more bytes of the body")


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
    named = [piece for field in _judged(named) for piece in _value_and_nul(field)]
    length = _length_in(named)
    if body := data[after : after + length]:
        named.append(Field(after, len(body), "body", f"{len(body)} of {length} bytes", "what CONTENT_LENGTH counts"))
    if rest := data[after + length :]:
        means = "one request a connection"
        named.append(Field(after + length, len(rest), "behind the request", means=means, fault=True))
    return Annotated(named, [])


def _judged(named: list[Field]) -> list[Field]:
    """Mark the headers that can be split but are forbidden. The parts of a header are one level deeper."""
    seen: set[str] = set()
    judged = []
    for field in named:
        fault = ""
        if field.name == "length" and field.length > len(field.value) + 1:
            fault = "a netstring's length has no zero before it"
        elif field.depth == 1 and not field.fault:
            fault = _forbidden(field, seen)
            seen.add(field.name)
        judged.append(replace(field, means=fault, section="SCGI 3", fault=True) if fault else field)
    if "SCGI" not in seen and not named[-1].fault:
        index = [field.name for field in judged].index("headers")  # the field of all headers together
        judged[index] = replace(judged[index], means="no header SCGI", section="SCGI 3", fault=True)
    return judged


def _forbidden(header: Field, seen: set[str]) -> str:
    if not header.name:
        return "a name may not be empty"
    if header.name in seen:
        return "a name may not stand twice"
    if not seen and header.name != "CONTENT_LENGTH":
        return "CONTENT_LENGTH must be the first"
    if header.name == "CONTENT_LENGTH" and not _digits(header.value):
        return "not decimal digits"
    return "must be 1" if header.name == "SCGI" and header.value != "1" else ""


def _value_and_nul(field: Field) -> list[Field]:
    """Part a secret from the NUL behind it, which is not masked. A secret that is cut off has no NUL."""
    if not field.secret or field.fault:
        return [field]
    nul = Field(field.offset + field.length - 1, 1, "NUL", means="ends the value", depth=field.depth)
    return [replace(field, length=field.length - 1), nul]


def _digits(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) < LONGEST_DECIMAL


def _length_in(named: list[Field]) -> int:
    given = next((field.value for field in named if field.depth == 1), "")
    return int(given) if _digits(given) else 0


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
