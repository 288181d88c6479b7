"""One packet, with a name for each part, and a Breach for each rule that it breaks.

It reads what it can: a string without its NUL is as long as its length says, and one that runs beyond the packet ends
with the packet.
"""

import re
from collections.abc import Callable, Mapping
from typing import ClassVar

from msgspec.structs import replace

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.faults import TooMany
from gateway_zoo.wire.fields import Field, secret, text

from . import codes
from .faults import BadContentLength, BadFirstLine, BadHeader, BadLength, BadString, UnknownCode
from .parts import Pair, Parts, Stop
from .read import Forward, first_line, is_chunked, is_length, method_name

REQUEST = "Request Packet Structure"
UNFIT = re.compile(rb"[\x00-\x20\x7f]")


class Packet(Parts):
    """Reads one packet. `read` never raises."""

    code: int | None = None  # the kind of message
    number = 0  # the status, reuse, or requested_length
    method = 0
    message_of_status = b""

    def read(self, direction: Direction, *, body: bool = False) -> "Packet":
        """Name all bytes. `body`: the packet is a piece of the request's body."""
        self.strings: dict[str, bytes] = {}
        self.numbers: Pairs = []  # server_port and is_ssl
        self.headers: Pairs = []
        self.attributes: Pairs = []
        self._lengths: list[bytes] = []  # every content-length that is a number
        magic = codes.MAGIC[direction]
        to = "to the container" if direction == "request" else "from the container"
        try:
            self.add(2, "magic", text(magic) if magic.isalpha() else f"0x{magic.hex()}", to, "Packet Headers")
            self.integer("data_length", "bytes that follow", "Packet Headers")
            if body:
                self.body("data", "Packet Headers")
                self.nothing_more()
            else:
                self.message(direction)
        except Stop:
            self.rest()
        return self

    def forward(self) -> Forward:
        """The same as read.forward_request. What HTTP's first line cannot carry is percent-encoded."""
        places = [(name, self.strings[key]) for name in codes.FACTS if (key := text(name)) in self.strings]
        method = method_name(self.method, self.attributes)
        if not method and self.method != codes.STORED:
            method = b"%d" % self.method
        uri, protocol = (_fitting(self.strings.get(name, b"")) for name in ("req_uri", "protocol"))
        queries = [(name, _fitting(value)) for name, value in self.attributes if name == b"query_string"]
        start = first_line(_fitting(method), uri, protocol, queries)
        due = codes.CHUNKED if is_chunked(self.headers) else int(self._lengths[0]) if self._lengths else 0
        return Forward([*places, *self.numbers], start, self.headers, self.attributes, due)

    # --- strings, headers, attributes ---

    def place(self, name: str) -> None:
        """Name a string that has its place and no name."""
        index, start = len(self.fields), self.at
        self.fields.append(Field(start, 0, name, "", codes.MEANS[name], f"AJPv13, {REQUEST}", 1))
        try:
            value = self.string("string", REQUEST, self.limits.value, null=name not in codes.FIRST_LINE_PARTS)
        except Stop:
            self.end_whole(index, start)
            raise
        shown = "null" if value is None else text(value)
        self.fields[index] = replace(self.fields[index], length=self.at - start, value=shown)
        if value is not None:
            self.strings[name] = value
            self._judge(name, value, start)

    def _judge(self, name: str, value: bytes, start: int) -> None:
        """Judge a part of HTTP's first line. Its field began at `start`."""
        if name in codes.FIRST_LINE_PARTS and not codes.FIRST_LINE_PARTS[name].fullmatch(value):
            self.wrong(BadFirstLine, start, self.at - start, f"{name} as HTTP's first line can have it")

    def named(self, shown: str, means: str, section: str, read: Callable[[], Pair]) -> Pair:
        """Name a name and its value, as `read` reads them, below a field for both."""
        index, start = len(self.fields), self.at
        self.fields.append(Field(start, 0, shown, "", means, f"AJPv13, {section}", 1))
        try:
            name, value = read()
        except Stop:
            self.end_whole(index, start)
            raise
        whole = self.fields[index]
        self.fields[index] = replace(whole, length=self.at - start, name=text(name), value=text(value))
        return name, value

    def header(self, names: Mapping[int, bytes]) -> Pair:
        which, start = "req" if names is codes.REQUEST_HEADERS else "res", self.at
        code = int.from_bytes(self.data[self.at : min(self.at + 2, self.end)], "big")
        if code >> 8 == 0xA0:
            shown = f"0x{code:04X} ({text(names.get(code, b'unknown'))})"
            self.add(2, f"sc_{which}_header_name", shown, "a code for the name", "Headers", 2)
            if code not in names:
                self.wrong(UnknownCode, start, 2, "the code of a header")
            name = names.get(code, b"0x%04X" % code)
        else:
            given = self.string(f"{which}_header_name", "Headers", self.limits.name)
            name = given or b""
            if given is not None and not self.lost and not codes.TOKEN.fullmatch(name):
                at, length = (start + 2, len(name)) if name else (start, 2)
                self.wrong(BadHeader, at, length, "a name without blanks")
        start = self.at
        value = self.string(f"{which}_header_value", "Headers", self.limits.value, hide=secret(name)) or b""
        if not self.lost and not codes.REASON.fullmatch(value):
            self.wrong(BadHeader, start + 2, len(value), "a value without control characters")
        if name.lower() == b"content-length":
            self._judge_length(value, start)
        return name, value

    def _judge_length(self, value: bytes, start: int) -> None:
        """Judge a content-length. Its string began at `start`."""
        at, length = (start + 2, len(value)) if value else (start, 2)
        if is_length(value) and not self._lengths:
            self._lengths.append(value)
        elif value in self._lengths:
            self.wrong(BadContentLength, at, length, "content-length only once")
        elif self.before_headers:
            self.doubt = self.doubt or self.error(BadContentLength, at, length, codes.ONE_LENGTH)
        else:
            self.wrong(BadContentLength, at, length, codes.ONE_LENGTH)

    def attribute(self) -> Pair:
        code = self.data[self.at]
        name = codes.ATTRIBUTES[code]
        self.add(1, "attribute_name", f"0x{code:02X} ({text(name)})", "a code for the name", "Attributes", 2)
        if code == codes.SSL_KEY_SIZE:
            return name, b"%d" % self.integer("attribute_value", "bits of the key", "Attributes", 2)
        if code == codes.REQ_ATTRIBUTE:
            name = self.string("attribute_name", "Attributes", self.limits.name) or b""
        hide = name == b"secret" or secret(name)
        return name, self.string("attribute_value", "Attributes", self.limits.value, hide=hide) or b""

    def all_headers(self, names: Mapping[int, bytes], section: str) -> None:
        start = self.at
        count = self.integer("num_headers", "headers that follow", section)
        if count > self.limits.variables:
            raise self.over(TooMany, start, f"at most {self.limits.variables} headers")
        for _ in range(count):
            means = "a header: code or name, and value"
            self.headers.append(self.named("header", means, "Headers", lambda: self.header(names)))
        if self.lost:
            raise Stop

    def all_attributes(self) -> None:
        while self.at < self.end and self.data[self.at] != codes.DONE:
            start = self.at
            if len(self.attributes) == self.limits.variables:
                raise self.over(TooMany, start, f"at most {self.limits.variables} attributes")
            if (code := self.data[start]) not in codes.ATTRIBUTES:
                self.add(1, "attribute_name", f"0x{code:02X} (unknown)", "a code for the name", "Attributes")
                self.lose(UnknownCode, start, 1, "the code of an attribute, or 0xFF at their end")
                raise Stop
            name, value = self.named("attribute", "beside what HTTP says", "Attributes", self.attribute)
            self.attributes.append((name, value))
            if name != b"stored_method" or self.method == codes.STORED:
                self._judge(text(name), value, start)
        self.add(1, "request_terminator", "255", "no more attributes", "Attributes")

    # --- messages ---

    def forward_request(self) -> None:
        self.before_headers = True
        names = {code: text(name) for code, name in codes.METHODS.items()} | {codes.STORED: "stored_method"}
        start = self.at
        self.method = self.byte("method", "a code for the method", "method", names)
        for name in codes.STRINGS:
            self.place(name)
        self.numbers.append((b"server_port", b"%d" % self.integer("server_port", "the port that was asked", REQUEST)))
        is_ssl = self.byte("is_ssl", "1: the client came over TLS", REQUEST, codes.BOOLEAN)
        self.numbers.append((b"is_ssl", b"%d" % is_ssl))
        self.all_headers(codes.REQUEST_HEADERS, "Headers")
        self.before_headers = False
        self.all_attributes()
        if self.method == codes.STORED and b"stored_method" not in dict(self.attributes):
            self.wrong(BadFirstLine, start, 1, "a method, or the attribute stored_method")
        self.nothing_more()

    def send_headers(self) -> None:
        start = self.at
        self.number = self.integer("http_status_code", "how it went", "Send Headers")
        if not 100 <= self.number <= 999:
            self.wrong(BadFirstLine, start, 2, "a status from 100 to 999")
        start = self.at + 2
        self.message_of_status = self.string("http_status_msg", "Send Headers", self.limits.value, 1, null=True) or b""
        if not codes.REASON.fullmatch(self.message_of_status):
            self.wrong(BadFirstLine, start, len(self.message_of_status), "a message without control characters")
        self.all_headers(codes.RESPONSE_HEADERS, "Send Headers")
        self.nothing_more()

    def body(self, name: str, section: str) -> None:
        """Name a piece of a body. The decoder judges its length."""
        size = self.integer(f"{name}_length", "bytes of the body in this packet", section)
        if there := min(size, self.end - self.at):
            value = f"{there} of {size} bytes"
            cut = self.cut and there < size
            field = Field(self.at, there, name, value, "a piece of the body", f"AJPv13, {section}", 1, fault=cut)
            self.fields.append(field)
            self.at += there

    def send_body_chunk(self) -> None:
        self.body("chunk", "Send Body Chunk")
        if self.at + 1 == self.end:
            self.add(1, "NUL", "", "not in the specification, but all send it", "Send Body Chunk")
            if self.data[self.at - 1]:
                self.wrong(BadString, self.at - 1, 1, "a NUL behind the chunk")
        self.nothing_more()

    def end_response(self) -> None:
        self.number = self.byte("reuse", "1: the connection may be used again", "End Response", codes.BOOLEAN)
        self.nothing_more()

    def get_body_chunk(self) -> None:
        self.number = self.integer("requested_length", "bytes of the body that are wanted", "Get Body Chunk")
        self.nothing_more()

    def login(self) -> None:
        if self.at < self.end:
            self.add(self.end - self.at, "data", text(self.data[self.at : self.end]), "", "Packet Headers")

    def nothing_more(self) -> None:
        if rest := self.end - self.at:
            self.wrong(BadLength, self.at, rest, "the end of the packet")
            hide = self.names_secret()
            self.fields.append(Field(self.at, rest, "rest", f"{rest} bytes", depth=1, secret=hide))
            if hide:
                self.hide(self.at, rest)
            self.at = self.end

    def message(self, direction: Direction) -> None:
        """Name all bytes behind the packet's header."""
        kinds = {code: name for code, (name, _) in codes.KINDS[direction].items()}
        self.code = self.byte("prefix_code", "the kind of message", "Packet Headers", kinds)
        self.MESSAGES.get(self.code if self.code in kinds else -1, Packet.login)(self)

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


def _fitting(part: bytes) -> bytes:
    return UNFIT.sub(lambda match: b"%%%02X" % match[0][0], part)
