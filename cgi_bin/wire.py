"""CGI: an environment and standard input go in; header lines, an empty line and a body come out.

Source: RFC 3875. Between processes a request is no stream. As bytes we show it the way execve(2) lays the environment
out and /proc/PID/environ shows it: NAME=VALUE and a NUL, again and again; then one more NUL, and standard input, of
which CONTENT_LENGTH bytes are the body (4.2). The answer is inside of FastCGI's STDOUT and of SCGI's response, too.

Strict is what decides how the bytes are read: the syntax of lines and of the CGI fields (6.3), no CGI field twice, at
least one. Which fields may stand together (6.2) is not: a redirect to a path with a Status and a document is forbidden
by 6.2.2 and sent by every web framework. `response_type` names such a breach, and `annotate` shows it.

What trips people up: the end of a line is LF, or CR LF (7.2); a header is one line, never continued (6.3); a field
without a value counts as not sent (6.3). An answer that begins with HTTP/ is a non-parsed header (5): a whole HTTP
response, to be passed on as it is. mod_cgid believes it only if the program's file is named nph-…
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus

from msgspec.structs import replace

from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, End, Event, Head, Pairs, Variables
from gateway_zoo.wire.faults import LIMITS, CannotEncode, Limits, Malformed, TooLong, TooMany, Truncated, WireError
from gateway_zoo.wire.fields import Annotated, Field, secret, text
from gateway_zoo.wire.meta_variables import meaning
from gateway_zoo.wire.wires import Direction

INNER: Mapping[str, str] = {}

#: The CGI fields (6.3): section, meaning.
CGI_FIELDS = {
    b"content-type": ("6.3.1", "media type of the body"),
    b"location": ("6.3.2", "another document, in place of this one"),
    b"status": ("6.3.3", "how it went; 200 where it is absent"),
}
#: What is between the web server and its client; a program must not send it (6.3.4).
CLIENT_SIDE = {b"connection", b"keep-alive", b"te", b"trailer", b"transfer-encoding", b"upgrade"}

TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # 2.2
VALUE = rb"[^\x00-\x08\x0a-\x1f\x7f]*"
LINE = re.compile(TOKEN + rb":" + VALUE + rb"\r?\n")
CUT_LINE = re.compile(TOKEN + rb":" + VALUE + rb"\r?")
LINES = re.compile(rb"(?:" + TOKEN + rb":" + VALUE + rb"\r?\n)*\r?\n")
STATUS = re.compile(rb"[0-9]{3} " + VALUE)  # 6.3.3
STATUS_LINE = re.compile(rb"HTTP/[0-9]\.[0-9] [0-9]{3} " + VALUE)  # 5.2


class BadVariable(Malformed):
    """A string of the environment that is not NAME=VALUE."""


class BadContentLength(Malformed):
    """CONTENT_LENGTH is no number, or there are two, so nobody knows where the body ends (4.1.2)."""


class AfterTheBody(Malformed):
    """Standard input goes on behind CONTENT_LENGTH bytes; a program must not read that (4.2)."""


class BadHeader(Malformed):
    """A line before the empty one that is not a name, a colon and a value (6.3)."""


class ContinuedLine(Malformed):
    """A line that begins with a space, as if it went on with the one before; CGI has no such lines (6.3)."""


class RepeatedField(Malformed):
    """Content-Type, Location or Status for the second time (6.3)."""


class NoCGIField(Malformed):
    """Neither Content-Type nor Location nor Status (6.3)."""


class BadStatus(Malformed):
    """Status without three digits, a space and a reason, which may be empty (6.3.3)."""


class BadStatusLine(Malformed):
    """A non-parsed header whose first line is not HTTP's (5.2)."""


def variables(block: bytes, limits: Limits) -> Pairs:
    """Split an environment, without the NUL that ends it, into (name, value)."""
    if not block:
        return []
    strings = block[:-1].split(b"\0")
    pairs = [(name, value) for name, equals, value in [s.partition(b"=") for s in strings] if equals and name]
    longest = max(map(len, strings))
    if len(pairs) < len(strings) or longest > limits.name or longest > limits.value or len(pairs) > limits.variables:
        _check(strings, limits)
    return pairs


def _check(strings: list[bytes], limits: Limits) -> None:
    """Raise for the first variable that is none, or breaks a limit."""
    at = 0
    for count, string in enumerate(strings, start=1):
        name, equals, value = string.partition(b"=")
        if not equals or not name:
            raise BadVariable(at, string, "a name, an equals sign and a value")
        for kind, given, limit in (("name", name, limits.name), ("value", value, limits.value)):
            if len(given) > limit:
                raise TooLong(at, string, f"a {kind} of at most {limit} bytes, not {len(given)}")
        if count > limits.variables:
            raise TooMany(at, string, f"at most {limits.variables} variables")
        at += len(string) + 1


def body_length(block: bytes) -> int:
    """CONTENT_LENGTH of an environment; absent and empty both mean 0 (4.1.2)."""
    _, *given = (b"\0" + block).split(b"\0CONTENT_LENGTH=")
    if not given:
        return 0
    value = given[-1].partition(b"\0")[0]
    if len(given) > 1 or (value and not (value.isdigit() and len(value) < 19)):
        before = len(block) - len(b"CONTENT_LENGTH=" + given[-1])
        raise BadContentLength(before, block[before:], "CONTENT_LENGTH once, as a decimal number")
    return int(value or 0)


class Requests(Decoder):
    """One environment and its standard input: a process answers once."""

    WAITS_FOR = "the end of the environment"

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._searched = 0  # of the environment: no end before it
        self._body: int | None = None  # bytes that are still to come; None: the environment is not complete

    def _decode(self, data: bytes, events: list[Event]) -> int:
        at = 0
        if self._body is None:
            at = self._environment(data, events)
            if self._body is None:
                return 0
        if piece := data[at : at + self._body]:
            events.append(Data(self.offset + at, 0, "body", piece))
            at += len(piece)
            self._body -= len(piece)
            if not self._body:
                events.append(End(self.offset + at, 0))
        if at < len(data):
            raise AfterTheBody(self.offset + at, data[at:], "the end of standard input")
        return at

    def _environment(self, data: bytes, events: list[Event]) -> int:
        """Sets self._body and returns the offset behind the environment, if that is complete."""
        end = end_of_environment(data, self._searched)
        if (end or len(data)) > self.limits.head:
            raise TooLong(0, data, f"an environment of at most {self.limits.head} bytes")
        if not end:
            self._searched = len(data)
            return 0
        block = data[: end - 1]
        pairs = variables(block, self.limits)
        self._body = body_length(block)
        events.append(Variables(0, 0, pairs))
        if not self._body:
            events.append(End(end, 0))
        return end

    def _close(self, events: list[Event]) -> None:
        if self._body is None:
            raise Truncated(self.offset, self._rest, self.WAITS_FOR)
        if self._body:
            raise Truncated(self.offset, b"", f"{self._body} more bytes of the body")


def end_of_environment(data: bytes, searched: int = 0) -> int:
    """The offset behind the NUL that stands for an empty string; 0 if it is not there."""
    if data.startswith(b"\0"):
        return 1
    found = data.find(b"\0\0", max(0, searched - 1))
    return found + 2 if found >= 0 else 0


def end_of_head(data: bytes, searched: int = 0) -> int:
    """The offset behind the first empty line; 0 if there is none."""
    if data.startswith((b"\n", b"\r\n")):
        return data.index(b"\n") + 1
    begin = max(0, searched - 2)
    ends = [found + len(end) for end in (b"\n\n", b"\n\r\n") if (found := data.find(end, begin)) >= 0]
    return min(ends, default=0)


def head(block: bytes, limits: Limits) -> tuple[bytes, Pairs]:
    """Status line (of a non-parsed header; else empty) and headers, with the empty line behind them."""
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
    """Offset and bytes of each line, with what ends it; an unfinished last one, too."""
    while at < len(block):
        end = block.find(b"\n", at) + 1 or len(block)
        yield at, block[at:end]
        at = end


def _bad_line(block: bytes, at: int) -> WireError:
    """The first line that is no header."""
    for offset, line in lines(block, at):
        if line[:1] in b" \t":
            return ContinuedLine(offset, line, "a new header: CGI continues no lines")
        if not line.endswith(b"\n"):
            return Truncated(offset, line, Responses.WAITS_FOR)
        if not LINE.fullmatch(line):
            return BadHeader(offset, line, "a name, a colon and a value")
    return Truncated(len(block), b"", Responses.WAITS_FOR)


def _check_limits(block: bytes, at: int, pairs: Pairs, limits: Limits) -> None:
    """Raise TooLong or TooMany for the first header that breaks a limit."""
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
    """The space must be there even if no reason follows it."""
    value = line.partition(b":")[2].lstrip(b" \t").rstrip(b"\r\n")
    if not STATUS.fullmatch(value):
        raise BadStatus(offset, line, "Status as three digits, a space and a reason, which may be empty")


class Responses(Decoder):
    """One answer; its body ends with the stream."""

    WAITS_FOR = "the empty line that ends the headers"

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._searched = 0  # of the head: no end before it
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
            head(self._rest, self.limits)  # says what is wrong with the lines that are there
        events.append(End(self.offset, 0))


def pair(limits: Limits = LIMITS) -> tuple[Decoder, Decoder]:
    """Decoders of requests and of responses."""
    return Requests(limits), Responses(limits)


def response_type(headers: Pairs) -> tuple[str, str, str]:
    """What kind of answer this is (6.2): its name, its section, and the rule that it breaks, if any."""
    given = {name.lower(): value for name, value in headers if value}
    location, others = given.get(b"location", b""), given.keys() - {b"location"}
    if not location:
        breach = "" if b"content-type" in given else "6.3.1: a body needs a Content-Type"
        return "document response", "6.2.1", breach
    if location.startswith(b"/"):
        breach = "6.2.2: no other field may be there; web servers send such an answer to the client" if others else ""
        return "local redirect response", "6.2.2", breach
    if all(name.startswith(b"x-cgi-") for name in others):
        return "client redirect response", "6.2.3", ""
    whole = {b"status", b"content-type"} <= others
    breach = "" if whole else "6.2.4: with other fields, Status and Content-Type must be there, too"
    return "client redirect response with document", "6.2.4", breach


def annotate(direction: Direction, data: bytes, methods: Sequence[bytes] = ()) -> Annotated:
    """Name every byte. Never raises: what is wrong is a field with `fault`."""
    return Annotated(_request_fields(data) if direction == "request" else _response_fields(data), [])


def _fault(data: bytes, error: WireError) -> Field:
    said = f"{type(error).__name__}: expected {error.expected}"
    return Field(error.offset, len(data) - error.offset, "fault", said, "not CGI from here on", fault=True)


def _cut_off(pair: list[Field]) -> list[Field]:
    """A name and a value at whose end the bytes end; it may be the beginning of a secret."""
    whole, *parts, last = pair
    length = last.offset + last.length - whole.offset
    return [replace(whole, length=length, value=""), *parts, replace(last, fault=True)]


def _request_fields(data: bytes) -> list[Field]:
    end = end_of_environment(data)
    block = data[: end - 1] if end else data[: data.rfind(b"\0") + 1]
    length, error = 0, None
    try:
        variables(block, LIMITS)
        length = body_length(block)
        if not end:
            raise Truncated(len(block), b"", Requests.WAITS_FOR)
    except WireError as wrong:
        error = wrong
    found, at = [], 0
    for string in data[: error.offset if error else end - 1].split(b"\0")[:-1]:
        found += _variable(at, string)
        at += len(string) + 1
    if isinstance(error, Truncated) and b"=" in data[at:]:
        return found + _cut_off(_variable(at, data[at:])[:-1])
    if error:
        return [*found, _fault(data, error)] if data else []
    found.append(Field(at, 1, "NUL", "", "an empty string: the environment ends", "execve(2)"))
    return found + _standard_input(data, end, length)


def _variable(at: int, string: bytes) -> list[Field]:
    name, _, value = string.partition(b"=")
    means, section = meaning(text(name))
    equals = at + len(name)
    return [
        Field(at, len(string) + 1, text(name), text(value), means, section),
        Field(at, len(name), "name", text(name), "the name", "environ(7)", 1),
        Field(equals, 1, "equals", "=", "the first one ends the name", "environ(7)", 1),
        Field(equals + 1, len(value), "value", text(value), "the value", "environ(7)", 1, secret=secret(name)),
        Field(equals + 1 + len(value), 1, "NUL", "", "ends the variable", "execve(2)", 1),
    ]


def _standard_input(data: bytes, at: int, length: int) -> list[Field]:
    found = []
    if body := data[at : at + length]:
        said = f"{len(body)} of {length} bytes"
        found.append(Field(at, len(body), "body", said, "what CONTENT_LENGTH counts", "RFC 3875 4.2"))
    if at + length < len(data):
        found.append(_fault(data, AfterTheBody(at + length, b"", "the end of standard input")))
    return found


def _response_fields(data: bytes) -> list[Field]:
    block = data[: end_of_head(data) or len(data)]
    error, headers = None, []
    try:
        headers = head(block, LIMITS)[1]
    except WireError as wrong:
        error = wrong
    found = []
    for at, line in lines(block[: error.offset if error else len(block)]):
        found += _line_fields(at, line, headers)
    if isinstance(error, Truncated) and CUT_LINE.fullmatch(data, error.offset):
        return found + _cut_off(_header(error.offset, data[error.offset :].rstrip(b"\r"), len(data) - error.offset))
    if error:
        return [*found, _fault(data, error)] if data else []
    if body := data[len(block) :]:
        said = f"{len(body)} bytes"
        found.append(Field(len(block), len(body), "body", said, "up to the end of the stream", "RFC 3875 6.4"))
    return found


def _line_fields(at: int, line: bytes, headers: Pairs) -> list[Field]:
    content = line.rstrip(b"\r\n")
    if not content:
        kind, section, breach = response_type(headers)
        means = "an empty line: the headers end"
        return [Field(at, len(line), "NL", kind, f"{means}. {breach}" if breach else means, f"RFC 3875 {section}")]
    if content.startswith(b"HTTP/") and at == 0:
        means = "a non-parsed header: the server passes all of it on"
        return [Field(at, len(line), "Status-Line", text(content), means, "RFC 3875 5.2")]
    return _header(at, content, len(line))


def _header(at: int, content: bytes, length: int) -> list[Field]:
    name, _, rest = content.partition(b":")
    value = rest.strip(b" \t")
    start = at + len(name) + 1 + len(rest) - len(rest.lstrip(b" \t"))
    section, means = _field_meaning(name.lower())
    after = start + len(value)
    colon = at + len(name)
    return [
        Field(at, length, text(name), text(value), means, f"RFC 3875 {section}"),
        Field(at, len(name), "field-name", text(name), "in any case", "RFC 3875 6.3", 1),
        Field(colon, start - colon, "colon", "", "and space, which means nothing", "RFC 3875 6.3", 1),
        Field(start, len(value), "field-value", text(value), means, f"RFC 3875 {section}", 1, secret=secret(name)),
        Field(after, at + length - after, "NL", "", "ends the line: LF, or CR LF", "RFC 3875 7.2", 1),
    ]


def _field_meaning(name: bytes) -> tuple[str, str]:
    if name.startswith(b"x-cgi-"):
        return "6.3.5", "an extension, for the web server"
    if name in CLIENT_SIDE:
        return "6.3.4", "the web server's business; a program must not send it"
    return CGI_FIELDS.get(name, ("6.3.4", "for the client, a part of the HTTP response"))


def request(variables: Pairs, body: bytes = b"") -> bytes:
    """An environment and its standard input. Raises CannotEncode."""
    for name, value in variables:
        if not name or b"=" in name or b"\0" in name + value:
            raise CannotEncode(f"{name[:24]!r}: a name has no = and no NUL, is not empty, and a value has no NUL")
    return b"".join(b"%b=%b\0" % pair for pair in variables) + b"\0" + body


def response(status: int, headers: Pairs, body: bytes = b"") -> bytes:
    """A document response, or a redirect if there is a Location. Lines end as everybody's do. Raises CannotEncode."""
    reason = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    pairs = [(b"Status", b"%d %b" % (status, reason.encode())), *headers]
    block = b"".join(b"%b: %b\r\n" % pair for pair in pairs) + b"\r\n"
    try:
        _, read = head(block, LIMITS)
    except WireError as error:
        raise CannotEncode(f"no CGI response: {error}") from None
    if read[1:] != headers:
        raise CannotEncode("a header with spaces around its value, or with a line break")
    return block + body
