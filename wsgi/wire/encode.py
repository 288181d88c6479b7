"""HTTP/1.1 from CGI's meta-variables, or from a status and headers. h11 writes it, and refuses other bytes."""

from collections.abc import Callable, Mapping, Sequence
from http.client import responses
from urllib.parse import quote

import h11

from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.faults import CannotEncode

from .grammar import CHUNK_LINE, FIELD_LINE


def request(variables: Pairs, body: bytes = b"") -> bytes:
    """Write the request that a web server would send for these meta-variables. Raises CannotEncode.

    It is HTTP/1.1, with Connection: close unless there is an HTTP_CONNECTION.
    """
    given = dict(variables)
    method, target = given.get(b"REQUEST_METHOD", b"GET"), _target(given)
    if not given.get(b"SERVER_PROTOCOL", b"HTTP/1.1").startswith(b"HTTP/"):
        raise CannotEncode(f"{given[b'SERVER_PROTOCOL']!r} is not HTTP")
    headers = [(_header_name(name), value) for name, value in variables if name.startswith(b"HTTP_")]
    names = {name for name, _ in headers}
    if b"Host" not in names:
        headers.insert(0, (b"Host", given.get(b"SERVER_NAME", b"localhost")))
    if b"Connection" not in names:
        headers.insert(1, (b"Connection", b"close"))
    if given.get(b"CONTENT_TYPE"):
        headers.append((b"Content-Type", given[b"CONTENT_TYPE"]))
    length = given.get(b"CONTENT_LENGTH") or (b"%d" % len(body) if body else b"")
    if length and b"Transfer-Encoding" not in names:
        headers.append((b"Content-Length", length))
    return _sent(h11.Connection(h11.CLIENT), lambda: h11.Request(method=method, target=target, headers=headers), body)


def _target(given: Mapping[bytes, bytes]) -> bytes:
    """Make the target (RFC 9112 3.2.1). REQUEST_URI is the client's; the other variables must be quoted again."""
    if given.get(b"REQUEST_URI"):
        return given[b"REQUEST_URI"]
    path = quote(given.get(b"SCRIPT_NAME", b"") + given.get(b"PATH_INFO", b""), safe="/:@!$&'()*+,;=~").encode()
    query = given.get(b"QUERY_STRING", b"")
    return (path or b"/") + (b"?" + query if query else b"")


def _header_name(variable: bytes) -> bytes:
    return variable.removeprefix(b"HTTP_").replace(b"_", b"-").title()


def response(status: int, headers: Pairs, body: bytes = b"") -> bytes:
    """Write an answer to GET. Raises CannotEncode. Content-Length is added unless the headers tell the end."""
    names = {name.lower() for name, _ in headers}
    if status >= 200 and status not in {204, 304} and not names & {b"content-length", b"transfer-encoding"}:
        headers = [*headers, (b"Content-Length", b"%d" % len(body))]
    kind = h11.Response if status >= 200 else h11.InformationalResponse
    reason = responses.get(status, "").encode()
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(b"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: any\r\n\r\n")
    connection.next_event()
    connection.next_event()
    if body and status < 200:
        raise CannotEncode(f"a body in an interim response, {status}")
    return _sent(connection, lambda: kind(status_code=status, headers=headers, reason=reason), body)


def _sent(connection: h11.Connection, head: Callable[[], h11.Event], body: bytes) -> bytes:
    try:
        event = head()
        events = [event, *([h11.Data(data=body)] if body else [])]
        if not isinstance(event, h11.InformationalResponse):
            events.append(h11.EndOfMessage())
        return b"".join(connection.send(event) or b"" for event in events)
    except h11.LocalProtocolError as error:
        raise CannotEncode(f"no HTTP message: {error}") from None


def chunked(pieces: Sequence[bytes], trailers: Sequence[tuple[bytes, bytes]] = (), ext: bytes = b"") -> bytes:
    """Write a body in chunks (RFC 9112 7.1). `ext`: an extension for each, with its semicolon. Raises CannotEncode."""
    chunks = [b"%x%b\r\n%b\r\n" % (len(piece), ext, piece) for piece in pieces if piece]
    lines = [b"%b: %b\r\n" % pair for pair in trailers]
    if any(not FIELD_LINE.fullmatch(line) for line in lines) or not CHUNK_LINE.fullmatch(b"0" + ext + b"\r\n"):
        raise CannotEncode("a trailer or an extension with a line break, or a trailer that is no header")
    return b"".join([*chunks, b"0\r\n", *lines, b"\r\n"])
