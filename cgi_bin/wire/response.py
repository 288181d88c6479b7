"""CGI's response: lines, an empty line, and a body up to the end of the stream."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from gateway_zoo.wire import secrets
from gateway_zoo.wire.body import Body, announced
from gateway_zoo.wire.decoder import Decoder, breach
from gateway_zoo.wire.events import Breach, End, Event, Head, Pairs, Variables, method_of, status_of
from gateway_zoo.wire.faults import Limits, TooLong, TooMany, Truncated

from .faults import (
    BadContentLength,
    BadHeader,
    BadStatus,
    BadStatusLine,
    ContinuedLine,
    NoCGIField,
    NonParsedHeader,
    RepeatedField,
)

#: The CGI fields (6.3): section, meaning.
CGI_FIELDS = {
    b"content-type": ("6.3.1", "media type of the body"),
    b"location": ("6.3.2", "another document, in place of this one"),
    b"status": ("6.3.3", "how it went; 200 where it is absent"),
}
#: Fields between the web server and its client; a program must not send them (6.3.4).
CLIENT_SIDE = {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"}

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # 2.2
VALUE = rb"[^\x00-\x08\x0a-\x1f\x7f]*"
LINE = re.compile(TOKEN.pattern + rb":" + VALUE + rb"\r?\n")
WANTED_LINE = "a name, a colon right behind it, a value without control characters"
LINES = re.compile(rb"(?:" + LINE.pattern + rb")*\r?\n")
STATUS = re.compile(rb"[0-9]{3} " + VALUE)  # 6.3.3
ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*:")  # the beginning of an absolute URI (6.3.2)
STATUS_LINE = re.compile(rb"HTTP/[0-9]\.[0-9] [0-9]{3} " + VALUE)  # 5.2
EMPTY = (b"\n", b"\r\n")  # lines
BLANK = (b" ", b"\t")  # first bytes of a line that continues the one before
SPACE = b" \t\r"  # around a name or a value
CONTENT_LENGTH = b"content-length"
CHECKED = {*CGI_FIELDS, CONTENT_LENGTH}
NO_BODY = (204, 304)


class Line(NamedTuple):
    """A line of a header: where it begins, its part of the value and where that begins, where the line ends."""

    at: int
    value_at: int
    value: bytes
    end: int


class Header(NamedTuple):
    """A header and its lines, of which only the first has a name."""

    name_at: int
    name: bytes
    lines: list[Line]

    @property
    def value(self) -> bytes:
        return b" ".join(line.value for line in self.lines).strip(b" ")


def end_of_head(data: bytes, searched: int = 0) -> int:
    """Return the offset behind the first empty line; 0 without one."""
    if data.startswith(EMPTY):
        return data.index(b"\n") + 1
    begin = max(0, searched - 2)
    ends = [at + len(end) for end in (b"\n\n", b"\n\r\n") if (at := data.find(end, begin)) >= 0]
    return min(ends, default=0)


def headers(block: bytes, at: int = 0) -> list[Header]:
    """List the headers from `at` on. A line that begins with a space is a part of the header before."""
    listed: list[Header] = []
    while at < len(block):
        end = block.find(b"\n", at) + 1 or len(block)
        line = block[at:end]
        if line[:1] in BLANK and listed:
            listed[-1].lines.append(_line(at, line))
        elif line not in EMPTY:
            listed.append(header(at, line))
        at = end
    return listed


def header(at: int, line: bytes) -> Header:
    """Split a line into name and value. A line without a colon is a name. Where a secret's name stands in a line whose
    name is broken, all behind it is the value."""
    name, colon, _ = line.rstrip(b"\r\n").partition(b":")
    if not (colon and TOKEN.fullmatch(name)) and (secret := secrets.NAME.search(name)):
        return Header(at + secret.start(), secret[0], [_line(at, line, secret.end(), SPACE + b":")])
    name_at = at + len(name) - len(name.lstrip(SPACE))
    return Header(name_at, name.strip(SPACE), [_line(at, line, len(name + colon))])


def _line(at: int, line: bytes, start: int = 0, before: bytes = SPACE) -> Line:
    """Make a line whose value stands at `start`, behind the bytes `before`."""
    rest = line[start:].rstrip(SPACE + b"\n")
    value = rest.lstrip(before)
    return Line(at, at + start + len(rest) - len(value), value, at + len(line))


def head(block: bytes, limits: Limits) -> tuple[Head, list[Breach]]:
    """Read headers, with the empty line behind them if there is one, and what is wrong. Raises TooLong or TooMany.

    The head's first line is empty but for a non-parsed header.
    """
    at, breaches = 0, list[Breach]()
    if block.startswith(b"HTTP/"):
        at = block.index(b"\n") + 1
        breaches += _start_breaches(block[:at])
    if LINES.fullmatch(block, at):
        lines = [line.partition(b":") for line in block[at:].split(b"\n")[:-2]]
        pairs = [(name, value.strip(SPACE)) for name, _, value in lines]
    else:
        listed = headers(block, at)
        pairs = [(header.name, header.value) for header in listed]
        breaches += [problem for header in listed for problem in _line_breaches(block, header)]
    if len(block) > limits.name or len(pairs) > limits.variables:
        _check_limits(block, at, pairs, limits)
    if not _sound(pairs):
        breaches += _field_breaches(block, headers(block, at), parsed=not at)
    return Head(0, 0, block[:at].rstrip(b"\r\n"), pairs), breaches


def _sound(pairs: Pairs) -> bool:
    """Tell, more quickly than `_field_breaches` does, that it would find nothing."""
    checked = [(lower, value) for name, value in pairs if value and (lower := name.lower()) in CHECKED]
    given = dict(checked)
    length = given.pop(CONTENT_LENGTH, b"0")
    sound = STATUS.fullmatch(given.get(b"status", b"200 ")) and length.isdigit() and len(length) < 10
    return bool(sound and given and len(checked) == len({name for name, _ in checked}))


def _start_breaches(line: bytes) -> Iterator[Breach]:
    if not STATUS_LINE.fullmatch(line.rstrip(b"\r\n")):
        expected = "HTTP/digit.digit, a space, three digits, a space, a reason"
        yield breach(BadStatusLine(0, line, expected), len(line))
    expected = "a header; these bytes are HTTP: a non-parsed header, which not all servers take, or a gateway for HTTP"
    yield breach(NonParsedHeader(0, line, expected), len(line))


def _line_breaches(block: bytes, header: Header) -> Iterator[Breach]:
    first, *more = header.lines
    line = block[first.at : first.end]
    if line[:1] in BLANK:
        more = header.lines
    elif not LINE.fullmatch(line):
        yield breach(BadHeader(first.at, line, WANTED_LINE), len(line))
    for at, value_at, _, end in more:
        yield breach(ContinuedLine(at, block[at:end], "a new header: CGI continues no lines"), value_at - at)


def _check_limits(block: bytes, at: int, pairs: Pairs, limits: Limits) -> None:
    for count, ((name, value), header) in enumerate(zip(pairs, headers(block, at), strict=True), start=1):
        line = block[header.lines[0].at :]
        if count > limits.variables:
            raise TooMany(header.lines[0].at, line, f"at most {limits.variables} headers")
        for kind, given, limit in (("name", name, limits.name), ("value", value, limits.value)):
            if len(given) > limit:
                expected = f"a {kind} of at most {limit} bytes, not {len(given)}"
                raise TooLong(header.lines[0].at, line, expected)


def _field_breaches(block: bytes, listed: list[Header], *, parsed: bool) -> Iterator[Breach]:
    """Find lengths that are none or differ. In a parsed header also: a CGI field that stands twice, a bad Status, and
    whether there is no CGI field at all (6.3)."""
    given, length = set(), list[bytes]()
    for header in listed:
        at, end = header.lines[0].at, header.lines[-1].end
        line, lower = block[at:end], header.name.lower()
        if not header.value:  # counts as absent (6.3)
            continue
        if lower == CONTENT_LENGTH:
            length.append(header.value)
            if announced(length) is None:
                yield breach(BadContentLength(at, line, "Content-Length once, as a decimal number"), end - at)
        if not parsed or lower not in CGI_FIELDS:
            continue
        if lower in given:
            yield breach(RepeatedField(at, line, "each of Content-Type, Location and Status once"), end - at)
        # The space must be there even if no reason follows it.
        elif lower == b"status" and not STATUS.fullmatch(block[header.lines[0].value_at : end].rstrip(b"\r\n")):
            error = BadStatus(at, line, "Status as three digits, a space and a reason, which may be empty")
            yield breach(error, end - at)
        given.add(lower)
    if parsed and not given and (end := end_of_head(block)):
        at = listed[-1].lines[-1].end if listed else 0
        missing = NoCGIField(at, block[at:end], "Content-Type, Location or Status before the empty line")
        yield breach(missing, end - at)


def body_length(read: Head, method: bytes) -> tuple[int | None, str]:
    """Tell how long the body is, by the head and the request's method, and what is expected instead of more bytes.
    None: it ends with the stream."""
    if method == b"HEAD":
        return 0, "no body, as HEAD asks for none (4.3.3)"
    if (status := status_of(read)) in NO_BODY:
        return 0, f"no body with status {status}"
    given = [(name.lower(), value) for name, value in read.headers if value]
    lengths = [value for name, value in given if name == CONTENT_LENGTH]
    length = announced(lengths) if lengths and b"transfer-encoding" not in dict(given) else None
    return length, f"nothing behind {length} bytes of the body"


class Responses(Decoder):
    """The decoder of one answer; its body ends with the stream."""

    WAITS_FOR = "the empty line that ends the headers"

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._searched = 0  # bytes of the head without its end
        self._body: Body | None = None
        self._method = b""  # of the request
        self._no_more = ""  # what is expected in place of surplus bytes

    def asked(self, request: Head | Variables) -> None:
        self._method = self._method or method_of(request)

    def _decode(self, data: bytes, events: list[Event]) -> int:
        at = 0
        if self._body is None:
            at = end_of_head(data, self._searched)
            if (at or len(data)) > self.limits.head:
                raise TooLong(0, data, f"headers of at most {self.limits.head} bytes")
            if not at:
                self._searched = len(data)
                return 0
            read, breaches = head(data[:at], self.limits)
            events += [read, *breaches]
            length, self._no_more = body_length(read, self._method)
            self._body = Body(length)
        if at < len(data):
            at = self._body.take(data, at, self.offset, events)
            if at < len(data):
                self._body.refuse(self.offset + at, self._no_more, events)
        return len(data)

    def _close(self, events: list[Event]) -> None:
        if self._body is None:
            complete = self._rest[: self._rest.rfind(b"\n") + 1]
            if complete:
                read, breaches = head(complete, self.limits)
                # Without a Status the answer may still be anything.
                if read.start or b"status" in {name.lower() for name, _ in read.headers}:
                    events += [read, *breaches]
            raise Truncated(len(complete), self._rest[len(complete) :], self.WAITS_FOR)
        self._body.check(self.offset)
        events.append(End(self.offset, 0))


def response_type(headers: Pairs, *, body: bool = False) -> tuple[str, str, str]:
    """Classify an answer (6.2). Return its kind, its section, and the rule that it breaks, if any."""
    given = {name.lower(): value for name, value in headers if value}
    location, others = given.get(b"location", b""), given.keys() - {b"location"}
    if not location:
        breach = "" if b"content-type" in given else "6.2.1: a Content-Type must be there"
        return "document response", "6.2.1", breach
    if location.startswith(b"/"):
        breach = "6.2.2: no other field may be there, and no body" if others or body else ""
        return "local redirect response", "6.2.2", breach
    wrong = "" if ABSOLUTE.match(location) else "6.3.2: Location must be an absolute URI, or a path that begins with /"
    if not body and all(name.startswith(b"x-cgi-") for name in others):
        return "client redirect response", "6.2.3", wrong
    if not {b"status", b"content-type"} <= others:
        wrong = wrong or "6.2.4: with other fields or a body, Status and Content-Type must be there, too"
    elif not given[b"status"].startswith(b"3"):
        wrong = wrong or "6.2.4: Status must be a redirection's, as 302 is"
    return "client redirect response with document", "6.2.4", wrong
