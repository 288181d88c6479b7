"""AJP from CGI's meta-variables, or from a status and headers."""

from collections.abc import Mapping
from http.client import responses
from urllib.parse import quote

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.events import Breach, Pairs
from gateway_zoo.wire.faults import LIMITS, CannotEncode, Truncated
from gateway_zoo.wire.fields import text
from gateway_zoo.wire.meta_variables import CUSTOMARY, RFC3875

from . import codes
from .decoder import decoders
from .read import forward_request


def request(variables: Pairs, body: bytes = b"") -> bytes:
    """Write a Forward Request and all of its body at once, without waiting for Get Body Chunk.

    SCRIPT_NAME and other variables without a place in AJP are left out; variables of no specification become
    attributes. Raises CannotEncode.
    """
    given = dict(variables)
    uri, mark, query = given.get(b"REQUEST_URI", b"").partition(b"?")
    path = quote(given.get(b"SCRIPT_NAME", b"") + given.get(b"PATH_INFO", b"")).encode()
    query_string = query if mark else given.get(b"QUERY_STRING") or None
    method = given.get(b"REQUEST_METHOD", b"")
    code = next((code for code, name in codes.METHODS.items() if name == method), codes.STORED)
    port = given.get(b"SERVER_PORT", b"") or b"80"
    if not (port.isdigit() and len(port) < 6 and int(port) <= codes.NULL):
        raise CannotEncode(f"SERVER_PORT {port[:24]!r}; a port is a number of two bytes")
    https = given.get(b"HTTPS", b"").lower() not in (b"", b"off", b"0")
    attributes = [(codes.ATTRIBUTES[5], query_string), (b"stored_method", method if code == codes.STORED else None)]
    attributes += [(name, given[variable]) for name, variable in _AS_ATTRIBUTES if variable in given]
    attributes += [pair for pair in variables if _undefined(pair[0])]
    strings: list[bytes | None] = [given.get(b"SERVER_PROTOCOL") or b"HTTP/1.1", uri or path]
    strings += [given.get(codes.VARIABLES[name]) for name in codes.FACTS]
    block = b"".join(
        [
            bytes([codes.FORWARD_REQUEST, code]),
            *(_text(string) for string in strings),
            codes.INTEGER.pack(int(port)) + bytes([https]),
            _pairs(_as_headers(variables), codes.REQUEST_HEADERS),
            *(_attribute(name, value) for name, value in attributes if value is not None),
            bytes([codes.DONE]),
        ]
    )
    head = packet("request", block)
    return head + _checked(head, body)


_AS_ATTRIBUTES = [(name, variable) for name, variable in codes.VARIABLES.items() if name not in codes.FACTS]


def _undefined(variable: bytes) -> bool:
    name = text(variable)
    return not (name in RFC3875 or name in CUSTOMARY or name.startswith("HTTP_"))


def _as_headers(variables: Pairs) -> Pairs:
    """Turn the variables that were headers of the client into headers again (RFC 3875 4.1.18)."""
    headers: Pairs = []
    for name, value in variables:
        if name.startswith(b"HTTP_") or (name in (b"CONTENT_TYPE", b"CONTENT_LENGTH") and value):
            headers.append((name.removeprefix(b"HTTP_").lower().replace(b"_", b"-"), value))
    return headers


def _checked(head: bytes, body: bytes) -> bytes:
    """Write the packets of the body. Raises CannotEncode if the head is none, or announces another body."""
    _judge("request", head)
    due = forward_request(head, LIMITS).due
    size = codes.LARGEST - codes.HEADER.size - 2
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    packets = b"".join(packet("request", codes.INTEGER.pack(len(piece)) + piece) for piece in pieces)
    if due == codes.CHUNKED:
        packets += packet("request", b"")
    elif due != len(body):
        raise CannotEncode(f"{len(body)} bytes of body, and CONTENT_LENGTH says {due}")
    return packets


def _judge(direction: Direction, head: bytes) -> None:
    """Raise CannotEncode if a reader would refuse a part of this packet."""
    events, error = decoders()[direction == "response"].whole(head)
    problems = [event.error for event in events if isinstance(event, Breach)]
    if error and not isinstance(error, Truncated):
        problems.append(str(error))
    if problems:
        raise CannotEncode(f"no AJP {direction}: {problems[0]}")


def packet(direction: Direction, block: bytes) -> bytes:
    """Write a packet with this data. Raises CannotEncode."""
    if len(block) + codes.HEADER.size > codes.LARGEST:
        raise CannotEncode(f"{len(block)} bytes in a packet; with its header it has at most {codes.LARGEST}")
    return codes.HEADER.pack(codes.MAGIC[direction], len(block)) + block


def cping(_variables: Pairs = [], _body: bytes = b"", value: bytes = b"") -> bytes:  # noqa: B006 - not changed
    """Write a CPing: it asks whether the container is there. Raises CannotEncode."""
    if value:
        raise CannotEncode(f"CPing has no value, such as {value[:24]!r}")
    return packet("request", bytes([codes.CPING]))


def _text(string: bytes | None) -> bytes:
    if string is None:
        return codes.INTEGER.pack(codes.NULL)
    if len(string) >= codes.LARGEST:
        raise CannotEncode(f"{string[:24]!r}… has {len(string)} bytes; a packet has {codes.LARGEST}")
    return codes.INTEGER.pack(len(string)) + string + b"\0"


def _pairs(pairs: Pairs, names: Mapping[int, bytes]) -> bytes:
    short = {name.lower(): codes.INTEGER.pack(code) for code, name in names.items()}
    coded = (short.get(name.lower()) or _text(name) for name, _ in pairs)
    if len(pairs) > codes.NULL:
        raise CannotEncode(f"{len(pairs)} headers; their number has two bytes")
    return codes.INTEGER.pack(len(pairs)) + b"".join(n + _text(v) for n, (_, v) in zip(coded, pairs, strict=True))


def _attribute(name: bytes, value: bytes) -> bytes:
    code = next((code for code, known in codes.ATTRIBUTES.items() if known == name), 0)
    if code in (0, codes.REQ_ATTRIBUTE, codes.SSL_KEY_SIZE):
        return bytes([codes.REQ_ATTRIBUTE]) + _text(name) + _text(value)
    return bytes([code]) + _text(value)


def response(status: int, headers: Pairs, body: bytes = b"") -> bytes:
    """Write Send Headers, the body in chunks, and End Response with reuse. Raises CannotEncode."""
    if not 100 <= status <= 999:
        raise CannotEncode(f"status {status}; it has three digits")
    start = bytes([codes.SEND_HEADERS]) + codes.INTEGER.pack(status) + _text(responses.get(status, "").encode())
    head = packet("response", start + _pairs(headers, codes.RESPONSE_HEADERS))
    _judge("response", head)
    size = codes.LARGEST - codes.HEADER.size - 4
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    chunks = (bytes([codes.SEND_BODY_CHUNK]) + codes.INTEGER.pack(len(piece)) + piece + b"\0" for piece in pieces)
    return head + b"".join(packet("response", chunk) for chunk in [*chunks, bytes([codes.END_RESPONSE, 1])])
