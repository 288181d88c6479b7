"""Records to be sent, from single ones to a whole request or answer. All functions raise CannotEncode.

What trips people up: an empty record ends a stream, so a body of no bytes is that record alone.
"""

from collections.abc import Sequence

from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.faults import CannotEncode
from gateway_zoo.wire.heads import cgi_head

from . import layout

UNAUTHORIZED = {b"CONTENT_LENGTH", b"PATH_INFO", b"PATH_TRANSLATED", b"SCRIPT_NAME"}


def record(type: int, id: int, content: bytes = b"", padding: int | None = None) -> bytes:
    """Write a record. Raises CannotEncode. `padding` None: up to a multiple of eight bytes, as 3.3 recommends."""
    if padding is None:
        padding = -len(content) % 8
    for name, number, highest in (
        ("type", type, 255),
        ("requestId", id, layout.LARGEST),
        ("contentLength", len(content), layout.LARGEST),
        ("paddingLength", padding, 255),
    ):
        if not 0 <= number <= highest:
            raise CannotEncode(f"{name} {number}: a FastCGI record has room for 0 to {highest}")
    if type in layout.TYPES and (type in layout.MANAGEMENT) == bool(id):
        raise CannotEncode(f"requestId {id}: {layout.TYPES[type]} has {'0' if id else 'another'}")
    return layout.HEADER.pack(1, type, id, len(content), padding) + content + bytes(padding)


def begin(id: int = 1, role: int = layout.RESPONDER, keep: bool = False) -> bytes:
    """Write BEGIN_REQUEST. Raises CannotEncode. `keep`: the connection stays open after the answer."""
    if not 0 <= role <= layout.LARGEST:
        raise CannotEncode(f"role {role}: it has two bytes")
    return record(layout.BEGIN_REQUEST, id, layout.BEGIN.pack(role, layout.KEEP_CONN * keep))


def abort(id: int = 1) -> bytes:
    """Write ABORT_REQUEST. Raises CannotEncode."""
    return record(layout.ABORT_REQUEST, id)


def stream(type: int, id: int, data: bytes) -> bytes:
    """Write a whole stream: its records, and the empty one that ends it. Raises CannotEncode."""
    pieces = [record(type, id, data[at : at + layout.LARGEST]) for at in range(0, len(data), layout.LARGEST)]
    return b"".join([*pieces, record(type, id)])


def params(id: int, variables: Pairs) -> bytes:
    """Write the stream PARAMS with these variables. Raises CannotEncode."""
    return stream(layout.PARAMS, id, encoded(variables))


def encoded(variables: Pairs) -> bytes:
    """Write names and values with their lengths (3.4). Raises CannotEncode."""
    parts = ((_length(len(name)), _length(len(value)), name, value) for name, value in variables)
    return b"".join(part for pair in parts for part in pair)


def _length(length: int) -> bytes:
    if length > layout.LONGEST:
        raise CannotEncode(f"a name or value of {length} bytes; FastCGI has room for {layout.LONGEST}")
    return bytes((length,)) if length < 128 else layout.LENGTH.pack(length | 0x80000000)


def end(id: int = 1, app_status: int = 0, protocol_status: int = 0) -> bytes:
    """Write END_REQUEST. Raises CannotEncode."""
    if protocol_status not in layout.STATUSES:
        raise CannotEncode(f"protocolStatus {protocol_status}: 0 to 3 are defined (5.5)")
    if not 0 <= app_status <= 0xFFFFFFFF:
        raise CannotEncode(f"appStatus {app_status}: it has four bytes")
    return record(layout.END_REQUEST, id, layout.END.pack(app_status, protocol_status))


def get_values(names: Sequence[bytes]) -> bytes:
    """Write GET_VALUES: the web server asks for these. Raises CannotEncode."""
    return record(layout.GET_VALUES, 0, encoded([(name, b"") for name in names]))


def values_result(values: Pairs) -> bytes:
    """Write GET_VALUES_RESULT: only the names that the application knows (4.1). Raises CannotEncode."""
    return record(layout.GET_VALUES_RESULT, 0, encoded(values))


def unknown_type(type: int) -> bytes:
    """Write UNKNOWN_TYPE: the answer to a management record of this type. Raises CannotEncode."""
    if not 0 <= type <= 255:
        raise CannotEncode(f"type {type}: it has one byte")
    return record(layout.UNKNOWN_TYPE, 0, bytes((type, *bytes(7))))


def request(variables: Pairs, body: bytes = b"") -> bytes:
    """Write a request to a Responder, id 1, on a connection of its own. Raises CannotEncode."""
    return begin() + params(1, variables) + stream(layout.STDIN, 1, body)


def ask_values(variables: Pairs, body: bytes, value: bytes) -> bytes:
    """Write GET_VALUES for the names in `value`, or for the three that the specification has (4.1)."""
    return get_values((value or b"FCGI_MAX_CONNS,FCGI_MAX_REQS,FCGI_MPXS_CONNS").split(b","))


def authorizer(variables: Pairs, body: bytes, value: bytes) -> bytes:
    """Write a request to an Authorizer: without a body, and without the variables that 6.3 takes away."""
    return begin(role=layout.AUTHORIZER) + params(1, [pair for pair in variables if pair[0] not in UNAUTHORIZED])


def filter(variables: Pairs, body: bytes, value: bytes) -> bytes:
    """Write a request to a Filter: `value` is the file that it shall change (6.4)."""
    names = {name for name, _ in variables}
    file = [(b"FCGI_DATA_LAST_MOD", b"0"), (b"FCGI_DATA_LENGTH", b"%d" % len(value))]
    pairs = [*variables, *(pair for pair in file if pair[0] not in names)]
    streams = stream(layout.STDIN, 1, body) + stream(layout.DATA, 1, value)
    return begin(role=layout.FILTER) + params(1, pairs) + streams


def response(status: int, headers: Pairs, body: bytes = b"") -> bytes:
    """Write the answer of a Responder to request 1: CGI's in STDOUT. Raises CannotEncode."""
    return stream(layout.STDOUT, 1, cgi_head(status, headers) + body) + end()
