"""Names for the bytes of CGI."""

from collections.abc import Sequence

from msgspec.structs import replace

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.faults import LIMITS, Truncated, WireError
from gateway_zoo.wire.fields import Annotated, Field, secret, text
from gateway_zoo.wire.meta_variables import meaning

from .faults import AfterTheBody
from .request import Requests, body_length, end_of_environment, variables
from .response import CGI_FIELDS, CLIENT_SIDE, CUT_LINE, end_of_head, head, lines, response_type


def annotate(direction: Direction, data: bytes, methods: Sequence[bytes] = ()) -> Annotated:
    """Name every byte. Never raises: what is wrong is a field with `fault`."""
    return Annotated(_request_fields(data) if direction == "request" else _response_fields(data), [])


def _fault(data: bytes, error: WireError) -> Field:
    value = f"{type(error).__name__}: expected {error.expected}"
    return Field(error.offset, len(data) - error.offset, "fault", value, "not CGI from here on", fault=True)


def _cut_off(pair: list[Field]) -> list[Field]:
    """Mark a name and a value that are cut off. The value may be the beginning of a secret."""
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
    named, at = [], 0
    for string in data[: error.offset if error else end - 1].split(b"\0")[:-1]:
        named += _variable(at, string)
        at += len(string) + 1
    if isinstance(error, Truncated) and b"=" in data[at:]:
        return named + _cut_off(_variable(at, data[at:])[:-1])
    if error:
        return [*named, _fault(data, error)] if data else []
    named.append(Field(at, 1, "NUL", "", "an empty string: the environment ends", "execve(2)"))
    return named + _standard_input(data, end, length)


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
    named = []
    if body := data[at : at + length]:
        size = f"{len(body)} of {length} bytes"
        named.append(Field(at, len(body), "body", size, "what CONTENT_LENGTH counts", "RFC 3875 4.2"))
    if at + length < len(data):
        named.append(_fault(data, AfterTheBody(at + length, b"", "the end of standard input")))
    return named


def _response_fields(data: bytes) -> list[Field]:
    block = data[: end_of_head(data) or len(data)]
    error, headers = None, []
    try:
        headers = head(block, LIMITS)[1]
    except WireError as wrong:
        error = wrong
    named = []
    for at, line in lines(block[: error.offset if error else len(block)]):
        named += _line_fields(at, line, headers, body=len(block) < len(data))
    if isinstance(error, Truncated) and CUT_LINE.fullmatch(data, error.offset):
        return named + _cut_off(_header(error.offset, data[error.offset :].rstrip(b"\r"), len(data) - error.offset))
    if error:
        return [*named, _fault(data, error)] if data else []
    if body := data[len(block) :]:
        size = f"{len(body)} bytes"
        named.append(Field(len(block), len(body), "body", size, "up to the end of the stream", "RFC 3875 6.4"))
    return named


def _line_fields(at: int, line: bytes, headers: Pairs, *, body: bool) -> list[Field]:
    content = line.rstrip(b"\r\n")
    if not content:
        kind, section, breach = response_type(headers, body=body)
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
