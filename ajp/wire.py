"""AJPv13: packets that say what HTTP would, with numbers for what is said often.

Source: "AJPv13", Apache Tomcat Connectors; its sections have names, no numbers. Packets to the container begin with
0x1234, those from it with "AB"; then a length of two bytes, and that many bytes, of which the first is the kind of
message. A string is a length, its bytes and a NUL that is not counted; the length 0xFFFF says "no string".

How it is told: a Forward Request is three events. Values: what the connection is (remote_addr, remote_host,
server_name, server_port, is_ssl); Head: the first line and the headers as HTTP has them, the query in its place;
Values: the attributes. A null string is left out.

What trips people up: body packets have no kind. One follows at once if content-length is not 0, more are sent when the
container asks (Get Body Chunk), and it need not ask for all: then the next message comes early. A packet is taken for
a body if one is due and the length inside fits the packet. Of a chunked body no packet is sent unasked, and only an
empty one says that it has ended. The code 0xFF for a method is in no table: Apache sends the name as `stored_method`.
The specification's limit of 8192 bytes is a setting (Apache ProxyIOBufferSize, Tomcat packetSize): we write no larger
packets, but read them.
"""

import re
import struct
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import ClassVar
from urllib.parse import quote

from msgspec.structs import replace

from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, End, Event, Head, Other, Pairs, Values
from gateway_zoo.wire.faults import LIMITS, CannotEncode, Limits, Malformed, TooLong, TooMany, Truncated, WireError
from gateway_zoo.wire.fields import Annotated, Field, secret, text
from gateway_zoo.wire.meta_variables import CUSTOMARY, RFC3875
from gateway_zoo.wire.wires import Direction

INNER: Mapping[str, str] = {}
LARGEST = 8192  # of a packet with its header ("Packet Size")
NULL = 0xFFFF
STORED = 0xFF
DONE = 0xFF
CHUNKED = -1  # a body whose length nobody has said
FORWARD_REQUEST, SEND_BODY_CHUNK, SEND_HEADERS, END_RESPONSE, GET_BODY_CHUNK = range(2, 7)
SHUTDOWN, PING, CPONG, CPING = range(7, 11)

MAGIC: Mapping[Direction, bytes] = {"request": b"\x12\x34", "response": b"AB"}
#: What each direction says, and what that means ("Packet Headers").
KINDS: Mapping[Direction, Mapping[int, tuple[str, str]]] = {
    "request": {
        FORWARD_REQUEST: ("Forward Request", "a request: all but its body"),
        SHUTDOWN: ("Shutdown", "the container shall shut itself down"),
        PING: ("Ping", "the container shall take control: the login of old"),
        CPING: ("CPing", "the container shall answer CPong at once"),
    },
    "response": {
        SEND_BODY_CHUNK: ("Send Body Chunk", "a piece of the body"),
        SEND_HEADERS: ("Send Headers", "status and headers"),
        END_RESPONSE: ("End Response", "that was all"),
        GET_BODY_CHUNK: ("Get Body Chunk", "more of the request's body, please"),
        CPONG: ("CPong Reply", "the answer to a CPing"),
    },
}
METHODS = dict(
    enumerate(
        b"OPTIONS GET HEAD POST PUT DELETE TRACE PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK ACL REPORT "
        b"VERSION-CONTROL CHECKIN CHECKOUT UNCHECKOUT SEARCH MKWORKSPACE UPDATE LABEL MERGE BASELINE_CONTROL "
        b"MKACTIVITY".split(),
        start=1,
    )
)
REQUEST_HEADERS = dict(
    enumerate(
        b"accept accept-charset accept-encoding accept-language authorization connection content-type content-length "
        b"cookie cookie2 host pragma referer user-agent".split(),
        start=0xA001,
    )
)
RESPONSE_HEADERS = dict(
    enumerate(
        b"Content-Type Content-Language Content-Length Date Last-Modified Location Set-Cookie Set-Cookie2 "
        b"Servlet-Engine Status WWW-Authenticate".split(),
        start=0xA001,
    )
)
REQ_ATTRIBUTE, SSL_KEY_SIZE, SECRET = 0x0A, 0x0B, 0x0C
ATTRIBUTES = dict(
    enumerate(
        b"context servlet_path remote_user auth_type query_string route ssl_cert ssl_cipher ssl_session req_attribute "
        b"ssl_key_size secret stored_method".split(),
        start=1,
    )
)
#: What stands between protocol and headers, or is an attribute, and the CGI variable that says the same.
VARIABLES = {
    b"remote_addr": b"REMOTE_ADDR",
    b"remote_host": b"REMOTE_HOST",
    b"server_name": b"SERVER_NAME",
    b"remote_user": b"REMOTE_USER",
    b"auth_type": b"AUTH_TYPE",
    b"AJP_REMOTE_PORT": b"REMOTE_PORT",  # Apache's and Tomcat's agreement, as a req_attribute
    b"AJP_LOCAL_ADDR": b"SERVER_ADDR",
}
FACTS = (b"remote_addr", b"remote_host", b"server_name")
PLACES = ("protocol", "req_uri", "remote_addr", "remote_host", "server_name")
MEANS = {
    "protocol": "what the client speaks",
    "req_uri": "the path that was asked, not decoded, without the query",
    "remote_addr": "address of the client",
    "remote_host": "name of the client; null: not looked up",
    "server_name": "the host that was asked",
}
BOOLEAN = {0: "false", 1: "true"}
FIRST_LINE = re.compile(rb"[^\x00-\x20\x7f]+ [^\x00-\x20\x7f]+ [^\x00-\x20\x7f]+")
REASON = re.compile(rb"[^\x00-\x08\x0a-\x1f\x7f]*")
INTEGER = struct.Struct(">H")
HEADER = struct.Struct(">2sH")
NUL_AND_LENGTH = struct.Struct(">BH")
PORT = struct.Struct(">HB")


class BadMagic(Malformed):
    """A packet that does not begin with 0x1234 (to the container) or "AB" (from it)."""


class BadLength(Malformed):
    """Lengths inside a packet that do not add up to its own."""


class BadString(Malformed):
    """A string without its NUL, or null where there must be one."""


class UnknownCode(Malformed):
    """A number that stands for no message, method, header or attribute."""


class BadBoolean(Malformed):
    """Neither 0 nor 1."""


class BadFirstLine(Malformed):
    """Method, req_uri and protocol, or a status, from which HTTP could not make a first line."""


class BadContentLength(Malformed):
    """content-length is no number, or there are two, so nobody knows which packets are the body."""


class BadBody(Malformed):
    """A body that is longer or, with an empty packet at its end, shorter than content-length."""


class OutOfPlace(Malformed):
    """A body before its headers, or headers twice."""


class _Odd(Exception):
    """Not what it should be; the field reader will say what and where."""


def forward_request(block: bytes, limits: Limits) -> tuple[Pairs, bytes, Pairs, Pairs, int]:
    """Read a Forward Request, without the packet's header: places, first line, headers, attributes, length of the body.
    For speed it only notices that something is odd."""
    protocol, at = _string(block, 2)
    uri, at = _string(block, at)
    places: Pairs = []
    for name in FACTS:
        value, at = _string(block, at)
        if value is not None:
            places.append((name, value))
    port, is_ssl = PORT.unpack_from(block, at)
    headers, at = _headers(block, at + 3, REQUEST_HEADERS)
    attributes, at = _attributes(block, at)
    if is_ssl > 1 or at != len(block) or protocol is None or uri is None:
        raise _Odd
    if at > limits.name or len(headers) + len(attributes) > limits.variables:
        _check([[(b"", protocol), (b"", uri)], places, headers, attributes], limits)
    places.append((b"server_port", b"%d" % port))
    places.append((b"is_ssl", b"%d" % is_ssl))
    return places, _first_line(block[1], uri, protocol, attributes), headers, attributes, _due(block, headers)


def _check(parts: list[Pairs], limits: Limits) -> None:
    for pairs in parts:
        if len(pairs) > limits.variables:
            raise _Odd
        if any(len(name) > limits.name or len(value) > limits.value for name, value in pairs):
            raise _Odd


def _first_line(method: int, uri: bytes, protocol: bytes, attributes: Pairs) -> bytes:
    name = METHODS[method] if method != STORED else dict(attributes).get(b"stored_method", b"")
    for attribute, value in attributes:
        if attribute == b"query_string":
            uri = b"%b?%b" % (uri, value)
    start = b"%b %b %b" % (name, uri, protocol)
    if not FIRST_LINE.fullmatch(start):
        raise _Odd
    return start


def _string(block: bytes, at: int) -> tuple[bytes | None, int]:
    length = block[at] << 8 | block[at + 1]
    if length == NULL:
        return None, at + 2
    end = at + 2 + length
    if block[end]:
        raise _Odd
    return block[at + 2 : end], end + 1


def _headers(block: bytes, at: int, names: Mapping[int, bytes]) -> tuple[Pairs, int]:
    """A null string ends behind every packet, so that it needs no question of its own."""
    pairs: Pairs = []
    unpack, unpack_both, add = INTEGER.unpack_from, NUL_AND_LENGTH.unpack_from, pairs.append
    (count,) = unpack(block, at)
    at += 2
    for _ in range(count):
        (code,) = unpack(block, at)
        at += 2
        if code in names:
            name = names[code]
            (size,) = unpack(block, at)
            at += 2
        else:
            end = at + code
            name = block[at:end]
            nul, size = unpack_both(block, end)
            if nul or code >> 8 == 0xA0:
                raise _Odd
            at = end + 3
        end = at + size
        if block[end]:
            raise _Odd
        add((name, block[at:end]))
        at = end + 1
    return pairs, at


def _attributes(block: bytes, at: int) -> tuple[Pairs, int]:
    pairs: Pairs = []
    while (code := block[at]) != DONE:
        name: bytes | None = ATTRIBUTES[code]
        at += 1
        if code == REQ_ATTRIBUTE:
            name, at = _string(block, at)
        if code == SSL_KEY_SIZE:
            value: bytes | None = b"%d" % INTEGER.unpack_from(block, at)[0]
            at += 2
        else:
            value, at = _string(block, at)
        if name is None or value is None:
            raise _Odd
        pairs.append((name, value))
    return pairs, at + 1


def _due(block: bytes, headers: Pairs) -> int:
    """How many bytes of body follow, or CHUNKED. Most requests have none of these headers: that is seen at once."""
    lower = block.lower()
    if not (b"\xa0\x08" in lower or b"content-length" in lower or b"transfer-encoding" in lower):
        return 0
    lengths = [value for name, value in headers if name.lower() == b"content-length"]
    if len(lengths) > 1 or (lengths and not is_length(lengths[0])):
        raise _Odd
    if any(name.lower() == b"transfer-encoding" for name, _ in headers):
        return CHUNKED
    return int(lengths[0]) if lengths else 0


def is_length(value: bytes) -> bool:
    return value.isdigit() and len(value) < 19


class Requests(Decoder):
    """Messages to the container, and bodies."""

    WAITS_FOR = "the rest of a packet"

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._due = 0  # bytes of the body that are still to come, or CHUNKED
        self._piece = 0  # of them, in the packet that is being read

    def _decode(self, data: bytes, events: list[Event]) -> int:
        at, end = 0, len(data)
        while at < end:
            if self._piece:
                at = self._data(data, at, events)
                continue
            if end - at < HEADER.size:
                break
            length = _length(data, at, self.offset, "request")
            if self._due:
                if length >= 2 and end - at < HEADER.size + 2:
                    break
                inside = INTEGER.unpack_from(data, at + HEADER.size)[0] if length >= 2 else 0
                if length in (0, inside + 2):
                    self._body(data, at, inside, events)
                    at += HEADER.size + min(length, 2)
                    continue
            after = at + HEADER.size + length
            if after - at > self.limits.head:
                raise TooLong(self.offset + at, data[at:], f"a packet of at most {self.limits.head} bytes")
            if after > end:
                break
            self._message(data[at + HEADER.size : after], self.offset + at, events)
            at = after
        return at

    def _data(self, data: bytes, at: int, events: list[Event]) -> int:
        piece = data[at : at + self._piece]
        events.append(Data(self.offset + at, 0, "body", piece))
        at += len(piece)
        self._piece -= len(piece)
        if self._due != CHUNKED:
            self._due -= len(piece)
        if not self._due:
            events.append(End(self.offset + at, 0))
        return at

    def _body(self, data: bytes, at: int, size: int, events: list[Event]) -> None:
        """A body packet begins; an empty one ends a chunked body."""
        if self._due != CHUNKED and not 0 < size <= self._due:
            raise BadBody(self.offset + at, data[at:], f"{self._due} more bytes of the body, not {size} in a packet")
        self._piece = size
        if not size:
            self._due = 0
            events.append(End(self.offset + at + HEADER.size + (data[at + 2 : at + 4] != b"\0\0") * 2, 0))

    def _message(self, block: bytes, offset: int, events: list[Event]) -> None:
        if self._due:  # the container has not asked for the rest of the body
            self._due = 0
            events.append(End(offset, 0))
        if block in (b"", b"\0\0"):
            events.append(Other(offset, 0, "Data", b""))  # the answer to a container that asks behind the end
        elif block[0] == FORWARD_REQUEST:
            self._forward(block, offset, events)
        elif block[0] in (PING, SHUTDOWN) or block == b"\x0a":
            events.append(Other(offset, 0, KINDS["request"][block[0]][0], block[1:]))
        else:
            raise explained("request", block, offset, self.limits)

    def _forward(self, block: bytes, offset: int, events: list[Event]) -> None:
        try:
            places, start, headers, attributes, self._due = forward_request(block, self.limits)
        except (_Odd, IndexError, KeyError, struct.error):
            raise explained("request", block, offset, self.limits) from None
        events.append(Values(offset, 0, False, places))
        events.append(Head(offset, 0, start, headers))
        events.append(Values(offset, 0, False, attributes))
        if not self._due:
            events.append(End(offset + HEADER.size + len(block), 0))

    def _close(self, events: list[Event]) -> None:
        super()._close(events)
        if self._piece or self._due > 0:
            raise Truncated(self.offset, b"", f"{max(self._piece, self._due)} more bytes of the body")
        if self._due:
            events.append(End(self.offset, 0))


def _length(data: bytes, at: int, offset: int, direction: Direction) -> int:
    """Of the packet at `at`, without its header."""
    magic, length = HEADER.unpack_from(data, at)
    if magic != MAGIC[direction]:
        raise BadMagic(offset + at, data[at:], f"a packet that begins with {MAGIC[direction]!r}")
    return int(length)


class Responses(Decoder):
    """Messages from the container."""

    WAITS_FOR = "the rest of a packet"

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._piece = 0  # bytes that are still to come of a chunk
        self._nul = False  # and the NUL behind it
        self._headers = False  # they have come

    def _decode(self, data: bytes, events: list[Event]) -> int:
        at, end = 0, len(data)
        while at < end:
            if self._piece or self._nul:
                at = self._chunk(data, at, events)
                continue
            if end - at < HEADER.size:
                break
            length = _length(data, at, self.offset, "response")
            if length and end - at == HEADER.size:
                break
            if length >= 3 and data[at + HEADER.size] == SEND_BODY_CHUNK:
                if end - at < HEADER.size + 3:
                    break
                self._begin(data[at:], length, self.offset + at)
                at += HEADER.size + 3
                continue
            after = at + HEADER.size + length
            if after - at > self.limits.head:
                raise TooLong(self.offset + at, data[at:], f"a packet of at most {self.limits.head} bytes")
            if after > end:
                break
            self._message(data[at + HEADER.size : after], self.offset + at, events)
            at = after
        return at

    def _begin(self, packet: bytes, length: int, offset: int) -> None:
        """The NUL behind a chunk is not in the specification, but all send it."""
        (size,) = INTEGER.unpack_from(packet, HEADER.size + 1)
        if length not in (size + 3, size + 4):
            raise BadLength(offset + 5, packet[5:], f"chunk_length to fit a packet of {length} bytes")
        if not self._headers:
            raise OutOfPlace(offset, packet, "Send Headers before a Send Body Chunk")
        self._piece, self._nul = size, length == size + 4

    def _chunk(self, data: bytes, at: int, events: list[Event]) -> int:
        if self._piece:
            piece = data[at : at + self._piece]
            events.append(Data(self.offset + at, 0, "body", piece))
            self._piece -= len(piece)
            return at + len(piece)
        if data[at]:
            raise BadString(self.offset + at, data[at:], "a NUL behind the chunk")
        self._nul = False
        return at + 1

    def _message(self, block: bytes, offset: int, events: list[Event]) -> None:
        if block[:1] == b"\4":
            if self._headers:
                raise OutOfPlace(offset, MAGIC["response"], "an End Response before the next Send Headers")
            self._headers = True
            events.append(Head(offset, 0, *self._head(block, offset)))
        elif block in (b"\5\0", b"\5\1"):
            self._headers = False
            events.append(End(offset + HEADER.size + 2, 0, (block[1],)))
        elif block == b"\x09" or (block[:1] == b"\6" and len(block) == 3):
            events.append(Other(offset, 0, KINDS["response"][block[0]][0], block[1:]))
        else:
            raise explained("response", block, offset, self.limits)

    def _head(self, block: bytes, offset: int) -> tuple[bytes, Pairs]:
        try:
            (status,) = INTEGER.unpack_from(block, 1)
            message, at = _string(block, 3)
            headers, at = _headers(block, at, RESPONSE_HEADERS)
            if at > self.limits.name or len(headers) > self.limits.variables:
                _check([[(b"", message or b"")], headers], self.limits)
            if at != len(block) or not 100 <= status <= 999 or not REASON.fullmatch(message or b""):
                raise _Odd
        except (_Odd, IndexError, KeyError, struct.error):
            raise explained("response", block, offset, self.limits) from None
        return b"HTTP/1.1 %d %b" % (status, message or b""), headers

    def _close(self, events: list[Event]) -> None:
        super()._close(events)
        if self._piece or self._nul:
            raise Truncated(self.offset, b"", f"{self._piece + self._nul} more bytes of a chunk")


def pair(limits: Limits = LIMITS) -> tuple[Decoder, Decoder]:
    """Decoders of requests and of responses."""
    return Requests(limits), Responses(limits)


class _Packet:
    """Names the bytes of one packet; each method names one thing and moves on, or raises. `base`: where data begins."""

    def __init__(self, data: bytes, at: int, end: int, limits: Limits, base: int = 0) -> None:
        self.data, self.at, self.end, self.limits, self.base = data, at, end, limits, base
        self.found: list[Field] = []
        self.lengths: list[bytes] = []  # every content-length

    def _add(self, length: int, name: str, value: str, means: str, section: str, depth: int = 1) -> None:
        if self.at + length > self.end:
            raise self.wrong(BadLength, name, f"{length} bytes, which end within the packet", depth)
        self.found.append(Field(self.at, length, name, value, means, f"AJPv13, {section}", depth))
        self.at += length

    def wrong(
        self, kind: type[WireError], name: str, expected: str, depth: int = 1, *, hide: bool = False
    ) -> WireError:
        """The rest of the packet is at fault."""
        seen = self.data[self.at : self.end]
        self.found.append(Field(self.at, len(seen), name, f"expected {expected}", depth=depth, fault=True, secret=hide))
        return kind(self.base + self.at, seen, expected)

    def blame(self, index: int, kind: type[WireError], expected: str) -> WireError:
        """A field that is named already, and wrong."""
        field = self.found[index]
        self.found[index] = replace(field, fault=True)
        return kind(self.base + field.offset, self.data[field.offset : self.end], expected)

    def integer(self, name: str, means: str, section: str, depth: int = 1) -> int:
        number = int.from_bytes(self.data[self.at : min(self.at + 2, self.end)], "big")
        self._add(2, name, str(number), means, section, depth)
        return number

    def byte(self, name: str, means: str, section: str, values: Mapping[int, str]) -> int:
        number = self.data[self.at] if self.at < self.end else 0
        if self.at < self.end and number not in values:
            kind = BadBoolean if values is BOOLEAN else UnknownCode
            what = "0 or 1" if values is BOOLEAN else f"the code of a {'method' if name == 'method' else 'message'}"
            raise self.wrong(kind, name, what)
        said = str(number) if values is BOOLEAN else f"{number} ({values.get(number, '')})"
        self._add(1, name, said, means, section)
        return number

    def string(
        self, name: str, section: str, most: int, depth: int, *, null: bool = False, hide: bool = False
    ) -> bytes:
        """Length, bytes and NUL. A null string is read as an empty one where `null` allows it."""
        length = self.integer(
            "length", "bytes of the string, without its NUL; 65535: null", "Basic Packet Structure", depth
        )
        if length == NULL and null:
            return b""
        if length == NULL:
            raise self.blame(-1, BadString, "a string that is not null")
        return self.bytes_and_nul(name, section, length, most, depth, hide=hide)

    def bytes_and_nul(
        self, name: str, section: str, length: int, most: int, depth: int, *, hide: bool = False
    ) -> bytes:
        if length > most:
            raise self.wrong(TooLong, name, f"at most {most} bytes, not {length}", depth, hide=hide)
        value = self.data[self.at : self.at + length]
        if self.at + length > self.end:
            raise self.wrong(BadLength, name, f"{length} bytes, which end within the packet", depth, hide=hide)
        self._add(length, name, text(value), "", section, depth)
        if hide:
            self.found[-1] = replace(self.found[-1], secret=True)
        if self.data[self.at : self.at + 1] not in (b"\0", b""):
            raise self.wrong(BadString, "NUL", "the NUL that ends a string", depth)
        self._add(1, "NUL", "", "ends the string", "Basic Packet Structure", depth)
        return value

    def place(self, name: str) -> bytes:
        """A string that has its place and no name."""
        index, start = len(self.found), self.at
        self.found.append(Field(start, 0, name))
        section, null = "Request Packet Structure", name not in ("protocol", "req_uri")
        try:
            value = self.string("string", section, self.limits.value, 2, null=null)
        finally:
            self.found[index] = Field(start, self.end - start, name, "", MEANS[name], f"AJPv13, {section}", 1)
        said = "null" if self.at - start == 2 and null else text(value)
        self.found[index] = replace(self.found[index], length=self.at - start, value=said)
        return value

    def named(
        self, shown: str, means: str, section: str, read: Callable[[], tuple[bytes, bytes]]
    ) -> tuple[bytes, bytes]:
        """A name and its value, as `read` reads them, below a field that says both."""
        index, start = len(self.found), self.at
        self.found.append(Field(start, self.end - start, shown, "", means, f"AJPv13, {section}", 1))
        name, value = read()
        whole = replace(self.found[index], length=self.at - start, name=text(name), value=text(value))
        self.found[index] = whole
        return name, value

    def header(self, names: Mapping[int, bytes]) -> tuple[bytes, bytes]:
        which = "req" if names is REQUEST_HEADERS else "res"
        code = int.from_bytes(self.data[self.at : min(self.at + 2, self.end)], "big")
        if code >> 8 != 0xA0:
            length = self.integer("length", "bytes of the name; below 0xA000", "Headers", 2)
            name = self.bytes_and_nul(f"{which}_header_name", "Headers", length, self.limits.name, 2)
        elif code in names:
            name = names[code]
            self._add(2, f"sc_{which}_header_name", f"0x{code:04X} ({text(name)})", "a code for the name", "Headers", 2)
        else:
            raise self.wrong(UnknownCode, f"sc_{which}_header_name", "the code of a header", 2)
        value = self.string(f"{which}_header_value", "Headers", self.limits.value, 2, hide=secret(name))
        if which == "req" and name.lower() == b"content-length":
            self.lengths.append(value)
            if len(self.lengths) > 1 or not is_length(value):
                raise self.blame(-2, BadContentLength, "one content-length, a decimal number")
        return name, value

    def attribute(self) -> tuple[bytes, bytes]:
        code = self.data[self.at]
        if code not in ATTRIBUTES:
            raise self.wrong(UnknownCode, "attribute_name", "the code of an attribute, or 0xFF at their end", 2)
        name = ATTRIBUTES[code]
        self._add(1, "attribute_name", f"0x{code:02X} ({text(name)})", "a code for the name", "Attributes", 2)
        if code == SSL_KEY_SIZE:
            return name, b"%d" % self.integer("attribute_value", "bits of the key", "Attributes", 2)
        if code == REQ_ATTRIBUTE:
            name = self.string("attribute_name", "Attributes", self.limits.name, 2)
        hide = code == SECRET or secret(name)
        return name, self.string("attribute_value", "Attributes", self.limits.value, 2, hide=hide)

    def headers(self, names: Mapping[int, bytes], section: str) -> None:
        count = self.integer("num_headers", "headers that follow", section)
        if count > self.limits.variables:
            raise self.blame(-1, TooMany, f"at most {self.limits.variables} headers")
        for _ in range(count):
            self.named("header", "a header: code or name, and value", "Headers", lambda: self.header(names))

    def forward_request(self) -> None:
        section, first = "Request Packet Structure", len(self.found)
        codes = {code: text(name) for code, name in METHODS.items()} | {STORED: "stored_method"}
        method = self.byte("method", "a code for the method", "method", codes)
        protocol, uri, *_ = [self.place(name) for name in PLACES]
        self.integer("server_port", "the port that was asked", section)
        self.byte("is_ssl", "1: the client came over TLS", section, BOOLEAN)
        self.headers(REQUEST_HEADERS, "Headers")
        given: Pairs = []
        while self.at >= self.end or self.data[self.at] != DONE:
            if self.at >= self.end:
                raise self.wrong(BadLength, "request_terminator", "0xFF at the end of the attributes")
            given.append(self.named("attribute", "beside what HTTP says", "Attributes", self.attribute))
            if len(given) > self.limits.variables:
                raise self.wrong(TooMany, "attribute", f"at most {self.limits.variables} attributes")
        self._add(1, "request_terminator", "255", "no more attributes", "Attributes")
        self.nothing_more()
        try:
            _first_line(method, uri, protocol, given)
        except _Odd:
            raise self.blame(first, BadFirstLine, "method, req_uri and protocol as HTTP has them") from None

    def send_headers(self) -> None:
        status = self.integer("http_status_code", "how it went", "Send Headers")
        if not 100 <= status <= 999:
            raise self.blame(-1, BadFirstLine, "a status from 100 to 999")
        message = self.string("http_status_msg", "Send Headers", self.limits.value, 1, null=True)
        if not REASON.fullmatch(message):
            raise self.blame(-2, BadFirstLine, "a message without control characters")
        self.headers(RESPONSE_HEADERS, "Send Headers")
        self.nothing_more()

    def body(self, name: str, section: str) -> None:
        size = self.integer(f"{name}_length", "bytes of the body in this packet", section)
        there = min(size, self.end - self.at)
        if there:
            means, fault = "a piece of the body", there < size
            said = f"{there} of {size} bytes"
            self.found.append(Field(self.at, there, name, said, means, f"AJPv13, {section}", 1, fault=fault))
            self.at += there

    def send_body_chunk(self) -> None:
        self.body("chunk", "Send Body Chunk")
        if self.at < self.end:
            if self.data[self.at]:
                raise self.wrong(BadString, "NUL", "a NUL behind the chunk")
            self._add(1, "NUL", "", "not in the specification, but all send it", "Send Body Chunk")
        self.nothing_more()

    def end_response(self) -> None:
        self.byte("reuse", "1: the connection may be used again", "End Response", BOOLEAN)
        self.nothing_more()

    def get_body_chunk(self) -> None:
        self.integer("requested_length", "bytes of the body that are wanted", "Get Body Chunk")
        self.nothing_more()

    def login(self) -> None:
        if self.at < self.end:
            self._add(self.end - self.at, "data", text(self.data[self.at : self.end]), "", "Packet Headers")

    def nothing_more(self) -> None:
        if self.at < self.end:
            raise self.wrong(BadLength, "rest", "the end of the packet")

    def message(self, direction: Direction) -> None:
        """Everything behind the packet's header."""
        if self.at >= self.end:
            raise self.wrong(BadLength, "prefix_code", "a kind of message")
        kinds = {code: name for code, (name, _) in KINDS[direction].items()}
        code = self.byte("prefix_code", "the kind of message", "Packet Headers", kinds)
        self.MESSAGES[code](self)

    MESSAGES: ClassVar[dict[int, Callable[["_Packet"], None]]] = {
        FORWARD_REQUEST: forward_request,
        SEND_BODY_CHUNK: send_body_chunk,
        SEND_HEADERS: send_headers,
        END_RESPONSE: end_response,
        GET_BODY_CHUNK: get_body_chunk,
        SHUTDOWN: login,
        PING: login,
        CPONG: nothing_more,
        CPING: nothing_more,
    }


def explained(direction: Direction, block: bytes, offset: int, limits: Limits) -> WireError:
    """What is wrong with a message that a decoder could not read. `offset`: of its packet."""
    try:
        _Packet(block, 0, len(block), limits, offset + HEADER.size).message(direction)
    except WireError as error:
        return error
    raise AssertionError(f"nothing is wrong with {block!r}")


def annotate(direction: Direction, data: bytes, methods: Sequence[bytes] = ()) -> Annotated:
    """Name every byte. Never raises: what is wrong is a field with `fault`."""
    events, error = _decoded(pair()[direction == "response"], data)
    bodies = {event.offset - HEADER.size - 2 for event in events if isinstance(event, Data)}
    found: list[Field] = []
    at = 0
    while at < len(data):
        packet = _Packet(data, at, len(data), LIMITS)
        whole = _named(packet, direction, at in bodies)
        faulty = any(field.fault for field in packet.found)
        end = whole.offset + whole.length
        if error and at <= error.offset < end and not faulty and not isinstance(error, Truncated):
            whole, faulty = replace(whole, value=f"expected {error.expected}", fault=True), True
        found += [whole, *packet.found]
        at = end
        if faulty and at < len(data):
            found.append(
                Field(at, len(data) - at, "rest", f"{len(data) - at} bytes", "not read after a fault", fault=True)
            )
            break
    return Annotated(found, [])


def _decoded(decoder: Decoder, data: bytes) -> tuple[list[Event], WireError | None]:
    events: list[Event] = []
    try:
        events += decoder.feed(data)
        events += decoder.close()
    except WireError as error:
        return events + error.events, error
    return events, None


def _named(packet: _Packet, direction: Direction, body: bool) -> Field:
    """Name one packet; returns the field for all of it."""
    start, name, means, section = packet.at, "packet", "", "AJPv13, Packet Headers"
    try:
        if packet.data[start : start + 2] != MAGIC[direction][: len(packet.data) - start]:
            raise packet.wrong(BadMagic, "magic", f"{MAGIC[direction]!r}")
        to = "to the container" if direction == "request" else "from the container"
        packet._add(2, "magic", text(MAGIC[direction]), to, "Packet Headers")
        length = packet.integer("data_length", "bytes that follow", "Packet Headers")
        packet.end = min(packet.at + length, len(packet.data))
        content = packet.data[packet.at : packet.end]
        cut = packet.at + length > len(packet.data)
        if direction == "request" and (body or (content in (b"", b"\0\0") and not cut)):
            name, means = "Data", "a piece of the body, or an empty one: there is no more"
            if content:
                packet.body("data", "Packet Headers")
                packet.nothing_more()
        else:
            name, means = KINDS[direction].get(content[0] if content else -1, (name, means))
            packet.message(direction)
    except WireError:
        pass
    if packet.end == len(packet.data) and not packet.found[-1].fault and packet.at < start + 4:
        packet.wrong(Truncated, "data_length", "the rest of the packet")
    return Field(start, packet.end - start, name, "", means, section)


def request(variables: Pairs, body: bytes = b"") -> bytes:
    """A Forward Request and all of its body at once, without waiting to be asked. SCRIPT_NAME and what else AJP has no
    words for is left out; variables that nobody has defined become attributes. Raises CannotEncode."""
    given = dict(variables)
    uri, mark, query = given.get(b"REQUEST_URI", b"").partition(b"?")
    path = quote(given.get(b"SCRIPT_NAME", b"") + given.get(b"PATH_INFO", b"")).encode()
    asked = query if mark else given.get(b"QUERY_STRING") or None
    method = given.get(b"REQUEST_METHOD", b"")
    code = next((code for code, name in METHODS.items() if name == method), STORED)
    port = given.get(b"SERVER_PORT", b"") or b"80"
    if not (port.isdigit() and len(port) < 6 and int(port) <= NULL):
        raise CannotEncode(f"SERVER_PORT {port[:24]!r}; a port is a number of two bytes")
    https = given.get(b"HTTPS", b"").lower() not in (b"", b"off", b"0")
    attributes = [(ATTRIBUTES[5], asked), (b"stored_method", method if code == STORED else None)]
    attributes += [(name, given[variable]) for name, variable in _AS_ATTRIBUTES if variable in given]
    attributes += [pair for pair in variables if _undefined(pair[0])]
    strings: list[bytes | None] = [given.get(b"SERVER_PROTOCOL") or b"HTTP/1.1", uri or path]
    strings += [given.get(VARIABLES[name]) for name in FACTS]
    block = b"".join(
        [
            bytes([FORWARD_REQUEST, code]),
            *(_text(string) for string in strings),
            INTEGER.pack(int(port)) + bytes([https]),
            _pairs(_as_headers(variables), REQUEST_HEADERS),
            *(_attribute(name, value) for name, value in attributes if value is not None),
            bytes([DONE]),
        ]
    )
    head = packet("request", block)
    return head + _checked(head, body)


_AS_ATTRIBUTES = [(name, variable) for name, variable in VARIABLES.items() if name not in FACTS]


def _undefined(variable: bytes) -> bool:
    name = text(variable)
    return not (name in RFC3875 or name in CUSTOMARY or name.startswith("HTTP_"))


def _as_headers(variables: Pairs) -> Pairs:
    """What was a header of the client (RFC 3875 4.1.18)."""
    headers: Pairs = []
    for name, value in variables:
        if name.startswith(b"HTTP_") or (name in (b"CONTENT_TYPE", b"CONTENT_LENGTH") and value):
            headers.append((name.removeprefix(b"HTTP_").lower().replace(b"_", b"-"), value))
    return headers


def _checked(head: bytes, body: bytes) -> bytes:
    """The packets of the body; raises CannotEncode if the head is none, or announces another body."""
    decoder = Requests(LIMITS)
    try:
        decoder.feed(head)
        due = decoder._due
        size = LARGEST - HEADER.size - 2
        pieces = [body[at : at + size] for at in range(0, len(body), size)]
        packets = b"".join(packet("request", INTEGER.pack(len(piece)) + piece) for piece in pieces)
        if due == CHUNKED:
            packets += packet("request", b"")
        elif due != len(body):
            raise CannotEncode(f"{len(body)} bytes of body, and CONTENT_LENGTH says {due}")
    except WireError as error:
        raise CannotEncode(f"no AJP request: {error}") from None
    return packets


def packet(direction: Direction, block: bytes) -> bytes:
    """Raises CannotEncode."""
    if len(block) + HEADER.size > LARGEST:
        raise CannotEncode(f"{len(block)} bytes in a packet; with its header it has at most {LARGEST}")
    return HEADER.pack(MAGIC[direction], len(block)) + block


def cping() -> bytes:
    """Are you there?"""
    return packet("request", bytes([CPING]))


def _text(string: bytes | None) -> bytes:
    if string is None:
        return INTEGER.pack(NULL)
    if len(string) >= LARGEST:
        raise CannotEncode(f"{string[:24]!r}… has {len(string)} bytes; a packet has {LARGEST}")
    return INTEGER.pack(len(string)) + string + b"\0"


def _pairs(pairs: Pairs, names: Mapping[int, bytes]) -> bytes:
    codes = {name.lower(): INTEGER.pack(code) for code, name in names.items()}
    coded = (codes.get(name.lower()) or _text(name) for name, _ in pairs)
    if len(pairs) > NULL:
        raise CannotEncode(f"{len(pairs)} headers; their number has two bytes")
    return INTEGER.pack(len(pairs)) + b"".join(
        name + _text(value) for name, (_, value) in zip(coded, pairs, strict=True)
    )


def _attribute(name: bytes, value: bytes) -> bytes:
    code = next((code for code, known in ATTRIBUTES.items() if known == name), 0)
    if code in (0, REQ_ATTRIBUTE, SSL_KEY_SIZE):
        return bytes([REQ_ATTRIBUTE]) + _text(name) + _text(value)
    return bytes([code]) + _text(value)


def response(status: int, headers: Pairs, body: bytes = b"") -> bytes:
    """Send Headers, the body in chunks, End Response with reuse. Raises CannotEncode."""
    if not 100 <= status <= 999:
        raise CannotEncode(f"status {status}; it has three digits")
    reason = HTTPStatus(status).phrase.encode() if status in set(HTTPStatus) else b""
    block = bytes([SEND_HEADERS]) + INTEGER.pack(status) + _text(reason) + _pairs(headers, RESPONSE_HEADERS)
    head = packet("response", block)
    try:
        Responses(LIMITS).feed(head)
    except WireError as error:
        raise CannotEncode(f"no AJP response: {error}") from None
    size = LARGEST - HEADER.size - 4
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    chunks = (bytes([SEND_BODY_CHUNK]) + INTEGER.pack(len(piece)) + piece + b"\0" for piece in pieces)
    return head + b"".join(packet("response", chunk) for chunk in [*chunks, bytes([END_RESPONSE, 1])])
