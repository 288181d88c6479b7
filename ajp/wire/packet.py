"""One packet, part by part: a field for each, and the error if one is wrong."""

from collections.abc import Callable, Mapping
from typing import ClassVar

from msgspec.structs import replace

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.faults import Limits, TooLong, TooMany, WireError
from gateway_zoo.wire.fields import Field, secret, text

from . import codes
from .faults import BadBoolean, BadContentLength, BadFirstLine, BadLength, BadString, Odd, UnknownCode
from .read import first_line, is_length


class Packet:
    """Names the bytes of one packet. Each method names one part and moves on, or raises. `base`: offset of `data`."""

    def __init__(self, data: bytes, at: int, end: int, limits: Limits, base: int = 0) -> None:
        self.data, self.at, self.end, self.limits, self.base = data, at, end, limits, base
        self.fields: list[Field] = []
        self.lengths: list[bytes] = []  # every content-length

    def add(self, length: int, name: str, value: str, means: str, section: str, depth: int = 1) -> None:
        if self.at + length > self.end:
            raise self.wrong(BadLength, name, f"{length} bytes, which end within the packet", depth)
        self.fields.append(Field(self.at, length, name, value, means, f"AJPv13, {section}", depth))
        self.at += length

    def wrong(
        self, kind: type[WireError], name: str, expected: str, depth: int = 1, *, hide: bool = False
    ) -> WireError:
        """Mark the rest of the packet as a fault, and make the error."""
        seen = self.data[self.at : self.end]
        value = f"expected {expected}"
        self.fields.append(Field(self.at, len(seen), name, value, depth=depth, fault=True, secret=hide))
        return kind(self.base + self.at, seen, expected)

    def blame(self, index: int, kind: type[WireError], expected: str) -> WireError:
        """Mark a field that is there already as a fault, and make the error."""
        field = self.fields[index]
        self.fields[index] = replace(field, fault=True)
        return kind(self.base + field.offset, self.data[field.offset : self.end], expected)

    def integer(self, name: str, means: str, section: str, depth: int = 1) -> int:
        number = int.from_bytes(self.data[self.at : min(self.at + 2, self.end)], "big")
        self.add(2, name, str(number), means, section, depth)
        return number

    def byte(self, name: str, means: str, section: str, values: Mapping[int, str]) -> int:
        number = self.data[self.at] if self.at < self.end else 0
        if self.at < self.end and number not in values:
            if values is codes.BOOLEAN:
                raise self.wrong(BadBoolean, name, "0 or 1")
            raise self.wrong(UnknownCode, name, f"the code of a {'method' if name == 'method' else 'message'}")
        value = str(number) if values is codes.BOOLEAN else f"{number} ({values.get(number, '')})"
        self.add(1, name, value, means, section)
        return number

    def string(
        self, name: str, section: str, most: int, depth: int, *, null: bool = False, hide: bool = False
    ) -> bytes:
        """Name length, bytes and NUL. A null string is read as an empty one where `null` allows it."""
        length = self.integer(
            "length", "bytes of the string, without its NUL; 65535: null", "Basic Packet Structure", depth
        )
        if length == codes.NULL and null:
            return b""
        if length == codes.NULL:
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
        self.add(length, name, text(value), "", section, depth)
        if hide:
            self.fields[-1] = replace(self.fields[-1], secret=True)
        if self.data[self.at : self.at + 1] not in (b"\0", b""):
            raise self.wrong(BadString, "NUL", "the NUL that ends a string", depth)
        self.add(1, "NUL", "", "ends the string", "Basic Packet Structure", depth)
        return value

    def place(self, name: str) -> bytes:
        """Name a string that has its place and no name."""
        index, start = len(self.fields), self.at
        self.fields.append(Field(start, 0, name))
        section, null = "Request Packet Structure", name not in ("protocol", "req_uri")
        try:
            value = self.string("string", section, self.limits.value, 2, null=null)
        finally:
            self.fields[index] = Field(start, self.end - start, name, "", codes.MEANS[name], f"AJPv13, {section}", 1)
        shown = "null" if self.at - start == 2 and null else text(value)
        self.fields[index] = replace(self.fields[index], length=self.at - start, value=shown)
        return value

    def named(
        self, shown: str, means: str, section: str, read: Callable[[], tuple[bytes, bytes]]
    ) -> tuple[bytes, bytes]:
        """Name a name and its value, as `read` reads them, below a field for both."""
        index, start = len(self.fields), self.at
        self.fields.append(Field(start, self.end - start, shown, "", means, f"AJPv13, {section}", 1))
        name, value = read()
        whole = replace(self.fields[index], length=self.at - start, name=text(name), value=text(value))
        self.fields[index] = whole
        return name, value

    def header(self, names: Mapping[int, bytes]) -> tuple[bytes, bytes]:
        which = "req" if names is codes.REQUEST_HEADERS else "res"
        code = int.from_bytes(self.data[self.at : min(self.at + 2, self.end)], "big")
        if code >> 8 != 0xA0:
            length = self.integer("length", "bytes of the name; below 0xA000", "Headers", 2)
            name = self.bytes_and_nul(f"{which}_header_name", "Headers", length, self.limits.name, 2)
        elif code in names:
            name = names[code]
            self.add(2, f"sc_{which}_header_name", f"0x{code:04X} ({text(name)})", "a code for the name", "Headers", 2)
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
        if code not in codes.ATTRIBUTES:
            raise self.wrong(UnknownCode, "attribute_name", "the code of an attribute, or 0xFF at their end", 2)
        name = codes.ATTRIBUTES[code]
        self.add(1, "attribute_name", f"0x{code:02X} ({text(name)})", "a code for the name", "Attributes", 2)
        if code == codes.SSL_KEY_SIZE:
            return name, b"%d" % self.integer("attribute_value", "bits of the key", "Attributes", 2)
        if code == codes.REQ_ATTRIBUTE:
            name = self.string("attribute_name", "Attributes", self.limits.name, 2)
        hide = code == codes.SECRET or secret(name)
        return name, self.string("attribute_value", "Attributes", self.limits.value, 2, hide=hide)

    def headers(self, names: Mapping[int, bytes], section: str) -> None:
        count = self.integer("num_headers", "headers that follow", section)
        if count > self.limits.variables:
            raise self.blame(-1, TooMany, f"at most {self.limits.variables} headers")
        for _ in range(count):
            self.named("header", "a header: code or name, and value", "Headers", lambda: self.header(names))

    def forward_request(self) -> None:
        section, first = "Request Packet Structure", len(self.fields)
        methods = {code: text(name) for code, name in codes.METHODS.items()} | {codes.STORED: "stored_method"}
        method = self.byte("method", "a code for the method", "method", methods)
        protocol, uri, *_ = [self.place(name) for name in codes.STRINGS]
        self.integer("server_port", "the port that was asked", section)
        self.byte("is_ssl", "1: the client came over TLS", section, codes.BOOLEAN)
        self.headers(codes.REQUEST_HEADERS, "Headers")
        given: Pairs = []
        while self.at >= self.end or self.data[self.at] != codes.DONE:
            if self.at >= self.end:
                raise self.wrong(BadLength, "request_terminator", "0xFF at the end of the attributes")
            given.append(self.named("attribute", "beside what HTTP says", "Attributes", self.attribute))
            if len(given) > self.limits.variables:
                raise self.wrong(TooMany, "attribute", f"at most {self.limits.variables} attributes")
        self.add(1, "request_terminator", "255", "no more attributes", "Attributes")
        self.nothing_more()
        try:
            first_line(method, uri, protocol, given)
        except Odd:
            raise self.blame(first, BadFirstLine, "method, req_uri and protocol as HTTP has them") from None

    def send_headers(self) -> None:
        status = self.integer("http_status_code", "how it went", "Send Headers")
        if not 100 <= status <= 999:
            raise self.blame(-1, BadFirstLine, "a status from 100 to 999")
        message = self.string("http_status_msg", "Send Headers", self.limits.value, 1, null=True)
        if not codes.REASON.fullmatch(message):
            raise self.blame(-2, BadFirstLine, "a message without control characters")
        self.headers(codes.RESPONSE_HEADERS, "Send Headers")
        self.nothing_more()

    def body(self, name: str, section: str) -> None:
        size = self.integer(f"{name}_length", "bytes of the body in this packet", section)
        if there := min(size, self.end - self.at):
            value, means = f"{there} of {size} bytes", "a piece of the body"
            self.fields.append(Field(self.at, there, name, value, means, f"AJPv13, {section}", 1, fault=there < size))
            self.at += there

    def send_body_chunk(self) -> None:
        self.body("chunk", "Send Body Chunk")
        if self.at < self.end:
            if self.data[self.at]:
                raise self.wrong(BadString, "NUL", "a NUL behind the chunk")
            self.add(1, "NUL", "", "not in the specification, but all send it", "Send Body Chunk")
        self.nothing_more()

    def end_response(self) -> None:
        self.byte("reuse", "1: the connection may be used again", "End Response", codes.BOOLEAN)
        self.nothing_more()

    def get_body_chunk(self) -> None:
        self.integer("requested_length", "bytes of the body that are wanted", "Get Body Chunk")
        self.nothing_more()

    def login(self) -> None:
        if self.at < self.end:
            self.add(self.end - self.at, "data", text(self.data[self.at : self.end]), "", "Packet Headers")

    def nothing_more(self) -> None:
        if self.at < self.end:
            raise self.wrong(BadLength, "rest", "the end of the packet")

    def message(self, direction: Direction) -> None:
        """Name all bytes behind the packet's header. Raises WireError."""
        if self.at >= self.end:
            raise self.wrong(BadLength, "prefix_code", "a kind of message")
        kinds = {code: name for code, (name, _) in codes.KINDS[direction].items()}
        code = self.byte("prefix_code", "the kind of message", "Packet Headers", kinds)
        self.MESSAGES[code](self)

    MESSAGES: ClassVar[dict[int, Callable[["Packet"], None]]] = {
        codes.FORWARD_REQUEST: forward_request,
        codes.SEND_BODY_CHUNK: send_body_chunk,
        codes.SEND_HEADERS: send_headers,
        codes.END_RESPONSE: end_response,
        codes.GET_BODY_CHUNK: get_body_chunk,
        codes.SHUTDOWN: login,
        codes.PING: login,
        codes.CPONG: nothing_more,
        codes.CPING: nothing_more,
    }


def explained(direction: Direction, block: bytes, offset: int, limits: Limits) -> WireError:
    """Find what is wrong with a message that a decoder could not read. `offset`: of its packet."""
    try:
        Packet(block, 0, len(block), limits, offset + codes.HEADER.size).message(direction)
    except WireError as error:
        return error
    raise AssertionError(f"nothing is wrong with {block!r}")
