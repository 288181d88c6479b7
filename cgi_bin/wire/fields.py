"""Names for the bytes of CGI."""

from collections.abc import Sequence

from msgspec.structs import replace

from gateway_zoo.wire.body import announced
from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.events import Head
from gateway_zoo.wire.fields import Annotated, Field, secret, text
from gateway_zoo.wire.meta_variables import meaning

from .request import LENGTH, Variable, doubtful, end_of_environment, variables
from .response import BLANK, CGI_FIELDS, CLIENT_SIDE, Header, body_length, end_of_head, header, headers, response_type


def annotate(direction: Direction, data: bytes, methods: Sequence[bytes] = ()) -> Annotated:
    """Name every byte. Never raises: what ends the reading is a field with `fault`."""
    method = methods[0] if methods else b""
    return Annotated(_request_fields(data) if direction == "request" else _response_fields(data, method), [])


def _cut_off(pair: list[Field], length: int) -> list[Field]:
    """Mark a name and a value that are cut off. The value may be the beginning of a secret."""
    whole, *parts, last, _ = pair
    return [replace(whole, length=length, value=""), *parts, replace(last, fault=True)]


def _request_fields(data: bytes) -> list[Field]:
    end = end_of_environment(data)
    at = end - 1 if end else data.rfind(b"\0") + 1
    split = variables(data[:at])
    named = [field for variable in split for field in _variable(variable)]
    if not end:
        cut = variables(data[at:] + b"\0", at) if at < len(data) else []
        return named + [field for variable in cut for field in _cut_off(_variable(variable), len(data) - at)]
    named.append(Field(at, 1, "NUL", "", "an empty string: the environment ends", "execve(2)"))
    if doubt := doubtful(split):
        named = [replace(field, fault=True) if field.offset == doubt.value_at else field for field in named]
        rest = Field(end, len(data) - end, "rest", means="the body's end is in doubt", fault=True)
        return [*named, rest] if rest.length else named
    length = announced([variable.value for variable in split if variable.name == LENGTH])
    return named + _body(data, end, length, "what CONTENT_LENGTH counts", "RFC 3875 4.2")


def _variable(variable: Variable) -> list[Field]:
    at, name_at, name, equals, value, string = variable
    means, section = meaning(text(name))
    value_at, end = variable.value_at, at + len(string)
    between = Field(value_at - 1, 1, "equals", "=", "the first one ends the name", "environ(7)", 1)
    return [
        Field(at, len(string) + 1, text(name), text(value), means, section),
        Field(name_at, len(name), "name", text(name), "the name", "environ(7)", 1),
        *([between] if equals else []),
        Field(value_at, len(value), "value", text(value), "the value", "environ(7)", 1, secret=secret(name)),
        Field(end, 1, "NUL", "", "ends the variable", "execve(2)", 1),
    ]


def _body(data: bytes, at: int, length: int | None, means: str, section: str) -> list[Field]:
    """Name a body of which `length` bytes are announced, and the bytes behind it."""
    body = data[at:] if length is None else data[at : at + length]
    size = f"{len(body)} bytes" if length in (None, len(body)) else f"{len(body)} of {length} bytes"
    named = [Field(at, len(body), "body", size, means, section)] if body else []
    if surplus := len(data) - at - len(body):
        named.append(Field(at + len(body), surplus, "surplus", f"{surplus} bytes", "behind the body"))
    return named


def _response_fields(data: bytes, method: bytes) -> list[Field]:
    end = end_of_head(data)
    block = data[: end or data.rfind(b"\n") + 1]
    at, named = 0, list[Field]()
    if block.startswith(b"HTTP/"):
        at = block.index(b"\n") + 1
        means = "a non-parsed header: the server passes all of it on"
        named.append(Field(0, at, "Status-Line", text(block[:at].rstrip(b"\r\n")), means, "RFC 3875 5.2"))
    listed = headers(block, at)
    named += [field for header in listed for field in _header(header)]
    if not end:
        return named + (_cut_line(data[len(block) :], len(block), listed) if len(block) < len(data) else [])
    after = listed[-1].lines[-1].end if listed else at
    read = Head(0, 0, block[:at], [(header.name, header.value) for header in listed])
    if after < end:
        parsed = response_type(read.headers, body=end < len(data))
        kind, section, wrong = ("non-parsed header", "5.2", "") if at else parsed
        means = "an empty line: the headers end"
        named.append(
            Field(after, end - after, "NL", kind, f"{means}. {wrong}" if wrong else means, f"RFC 3875 {section}")
        )
    length, _ = body_length(read, method)
    means = "up to the end of the stream" if length is None else "what Content-Length counts"
    return named + _body(data, end, length, means, "RFC 3875 6.4")


def _cut_line(line: bytes, at: int, before: list[Header]) -> list[Field]:
    """Name a line whose end is missing. It may go on with a secret of the line before."""
    cut = header(at, line)
    if cut.lines[0].value or cut.lines[0].value_at > cut.name_at + len(cut.name):
        return _cut_off(_header(cut), len(line))
    hidden = line[:1] in BLANK and before != [] and secret(before[-1].name)
    return [Field(at, len(line), "cut off", text(line), fault=True, secret=hidden)]


def _header(header: Header) -> list[Field]:
    section, means = _field_meaning(header.name.lower())
    first, *more = header.lines
    after, end = header.name_at + len(header.name), header.lines[-1].end
    rest = tuple((line.value_at, len(line.value)) for line in more if line.value)
    named = [
        Field(first.at, end - first.at, text(header.name), text(header.value), means, f"RFC 3875 {section}"),
        Field(header.name_at, len(header.name), "field-name", text(header.name), "in any case", "RFC 3875 6.3", 1),
        Field(after, first.value_at - after, "colon", "", "and space, which means nothing", "RFC 3875 6.3", 1),
        Field(
            first.value_at, len(first.value), "field-value", text(header.value), means, f"RFC 3875 {section}", 1, rest
        ),
    ]
    named[-1] = replace(named[-1], secret=secret(header.name))
    for line in header.lines:
        if line is not first:
            means = "the line before goes on, which CGI forbids"
            named.append(Field(line.at, line.value_at - line.at, "space", "", means, "RFC 3875 6.3", 1))
        behind = line.value_at + len(line.value)
        named.append(Field(behind, line.end - behind, "NL", "", "ends the line: LF, or CR LF", "RFC 3875 7.2", 1))
    return named


def _field_meaning(name: bytes) -> tuple[str, str]:
    if name.startswith(b"x-cgi-"):
        return "6.3.5", "an extension, for the web server"
    if name in CLIENT_SIDE:
        return "6.3.4", "the web server's business; a program must not send it"
    return CGI_FIELDS.get(name, ("6.3.4", "for the client, a part of the HTTP response"))
