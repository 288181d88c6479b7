"""CGI's response: lines, an empty line, and a body up to the end of the stream."""

import re
from collections.abc import Iterator

from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, End, Event, Head, Pairs
from gateway_zoo.wire.faults import Limits, TooLong, TooMany, Truncated, WireError

from .faults import BadHeader, BadStatus, BadStatusLine, ContinuedLine, NoCGIField, RepeatedField

#: The CGI fields (6.3): section, meaning.
CGI_FIELDS = {
    b"content-type": ("6.3.1", "media type of the body"),
    b"location": ("6.3.2", "another document, in place of this one"),
    b"status": ("6.3.3", "how it went; 200 where it is absent"),
}
#: Fields between the web server and its client; a program must not send them (6.3.4).
CLIENT_SIDE = {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"}

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # 2.2
VALUE = rb"[^\x00-\x08\x0a-\x1f\x7f]*"
LINE = re.compile(TOKEN + rb":" + VALUE + rb"\r?\n")
CUT_LINE = re.compile(TOKEN + rb":" + VALUE + rb"\r?")
LINES = re.compile(rb"(?:" + TOKEN + rb":" + VALUE + rb"\r?\n)*\r?\n")
STATUS = re.compile(rb"[0-9]{3} " + VALUE)  # 6.3.3
ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*:")  # the beginning of an absolute URI (6.3.2)
STATUS_LINE = re.compile(rb"HTTP/[0-9]\.[0-9] [0-9]{3} " + VALUE)  # 5.2


def end_of_head(data: bytes, searched: int = 0) -> int:
    """Return the offset behind the first empty line; 0 without one."""
    if data.startswith((b"\n", b"\r\n")):
        return data.index(b"\n") + 1
    begin = max(0, searched - 2)
    ends = [at + len(end) for end in (b"\n\n", b"\n\r\n") if (at := data.find(end, begin)) >= 0]
    return min(ends, default=0)


def head(block: bytes, limits: Limits) -> tuple[bytes, Pairs]:
    """Read headers, with the empty line behind them. Return the status line and the headers.

    The status line is empty but for a non-parsed header. Raises BadStatusLine, BadHeader, ContinuedLine, Truncated,
    RepeatedField, BadStatus, NoCGIField, TooLong or TooMany.
    """
    start, at = b"", 0
    if block.startswith(b"HTTP/"):
        at = block.find(b"\n") + 1
        if not at:
            raise Truncated(0, block, Responses.WAITS_FOR)
        start = block[:at].rstrip(b"\r\n")
        if not STATUS_LINE.fullmatch(start):
            raise BadStatusLine(0, block, "HTTP/digit.digit, a space, three digits, a space, a reason")
    if not LINES.fullmatch(block, at):
        raise _bad_line(block, at)
    pairs: Pairs = []
    for line in block[at:].split(b"\n")[:-2]:
        name, _, value = line.partition(b":")
        pairs.append((name, value.strip(b" \t\r")))
    if len(block) > limits.name or len(pairs) > limits.variables:
        _check_limits(block, at, pairs, limits)
    if not start:
        _check_fields(block, pairs)
    return start, pairs


def lines(block: bytes, at: int = 0) -> Iterator[tuple[int, bytes]]:
    """List offset and bytes of each line, with its end; an unfinished last line, too."""
    while at < len(block):
        end = block.find(b"\n", at) + 1 or len(block)
        yield at, block[at:end]
        at = end


def _bad_line(block: bytes, at: int) -> WireError:
    """Make the error of the first line that is no header."""
    for offset, line in lines(block, at):
        if line[:1] in b" \t":
            return ContinuedLine(offset, line, "a new header: CGI continues no lines")
        if not line.endswith(b"\n"):
            return Truncated(offset, line, Responses.WAITS_FOR)
        if not LINE.fullmatch(line):
            return BadHeader(offset, line, "a name, a colon and a value")
    return Truncated(len(block), b"", Responses.WAITS_FOR)


def _check_limits(block: bytes, at: int, pairs: Pairs, limits: Limits) -> None:
    for count, ((name, value), (offset, line)) in enumerate(zip(pairs, lines(block, at), strict=False), start=1):
        if count > limits.variables:
            raise TooMany(offset, line, f"at most {limits.variables} headers")
        for kind, given, limit in (("name", name, limits.name), ("value", value, limits.value)):
            if len(given) > limit:
                raise TooLong(offset, line, f"a {kind} of at most {limit} bytes, not {len(given)}")


def _check_fields(block: bytes, pairs: Pairs) -> None:
    """Raise for a CGI field that stands twice, for a bad Status, and if there is no CGI field at all (6.3)."""
    given = set()
    for index, (name, value) in enumerate(pairs):
        if not value or (lower := name.lower()) not in CGI_FIELDS:
            continue
        if lower in given:
            raise RepeatedField(*_line(block, index), "each of Content-Type, Location and Status once")
        if lower == b"status" and not STATUS.fullmatch(value):
            _check_status(*_line(block, index))
        given.add(lower)
    if not given:
        raise NoCGIField(*_line(block, len(pairs)), "Content-Type, Location or Status before the empty line")


def _line(block: bytes, index: int) -> tuple[int, bytes]:
    return list(lines(block))[index]


def _check_status(offset: int, line: bytes) -> None:
    """Raise BadStatus. The space must be there even if no reason follows it."""
    value = line.partition(b":")[2].lstrip(b" \t").rstrip(b"\r\n")
    if not STATUS.fullmatch(value):
        raise BadStatus(offset, line, "Status as three digits, a space and a reason, which may be empty")


class Responses(Decoder):
    """The decoder of one answer; its body ends with the stream."""

    WAITS_FOR = "the empty line that ends the headers"

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._searched = 0  # bytes of the head without its end
        self._in_body = False

    def _decode(self, data: bytes, events: list[Event]) -> int:
        at = 0
        if not self._in_body:
            at = end_of_head(data, self._searched)
            if (at or len(data)) > self.limits.head:
                raise TooLong(0, data, f"headers of at most {self.limits.head} bytes")
            if not at:
                self._searched = len(data)
                return 0
            events.append(Head(0, 0, *head(data[:at], self.limits)))
            self._in_body = True
        if at < len(data):
            events.append(Data(self.offset + at, 0, "body", data[at:]))
        return len(data)

    def _close(self, events: list[Event]) -> None:
        if not self._in_body:
            head(self._rest, self.limits)  # raises for the lines that are there
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
