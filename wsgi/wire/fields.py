"""Names for the bytes of HTTP/1.1. The decoder runs first: its events tell where messages begin and end.

Lines that break a rule have names, too; marks are laid by the caller.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from re import Match

from msgspec.structs import replace

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.decoder import fault, note
from gateway_zoo.wire.events import Data, End, Event, Head, asking
from gateway_zoo.wire.faults import Truncated, WireError
from gateway_zoo.wire.fields import Annotated, Field, Stream, lay, text
from gateway_zoo.wire.secrets import NAME

from .decoder import decoders
from .grammar import CHUNK_LINE, EMPTY, Header, end_of_line, headers, parts
from .headers import meaning

INNER: Mapping[str, str] = {"WebSocket": "WebSocket"}
#: part of the first line -> what it is, RFC
FIRST_LINE = {
    "method": ("what shall be done", "RFC 9110 9"),
    "target": ("with what: a path, mostly", "RFC 9112 3.2"),
    "version": ("the dialect of HTTP", "RFC 9112 2.3"),
    "status": ("how it went", "RFC 9110 15"),
    "reason": ("the same for people", "RFC 9112 4"),
}


def annotate(direction: Direction, data: bytes, methods: Sequence[bytes] = ()) -> Annotated:
    """Name every byte. Never raises: what is wrong is a field with `fault`."""
    decoder = decoders()[direction == "response"]
    for method in methods:
        decoder.asked(asking(method))
    events, error = decoder.whole(data)
    naming = _Naming(direction, data)
    for event in events:
        naming.follow(event)
    naming.rest(error)
    return Annotated(naming.fields, naming.streams)


class _Naming:
    """Names the bytes between the decoder's events. All bytes before `at` have names."""

    def __init__(self, direction: Direction, data: bytes) -> None:
        self.direction, self.data, self.at = direction, data, 0
        self.fields: list[Field] = []
        self.streams: list[Stream] = []
        self._chunked = False
        self._last_chunk = False  # trailers may follow
        self._length = ""  # of the body, as the head says
        self._agreed = ""  # where it says what a tunnel is

    def follow(self, event: Event) -> None:
        if isinstance(event, Head):
            self._chunks(event.offset)
            self._head(event)
        elif isinstance(event, Data) and event.stream in INNER:
            self.streams.append(Stream(INNER[event.stream], ((event.offset, len(event.data)),), 0))
            self.at = event.offset + len(event.data)
        elif isinstance(event, Data) and not self._chunked:
            self._body(event)
        elif isinstance(event, End):
            self._chunks(event.offset)
            self._chunked = self._last_chunk = False  # even if a trailer said so: what follows is no chunk

    def rest(self, error: WireError | None) -> None:
        """Name the bytes that the decoder could not use."""
        if error is None:
            if self.at < len(self.data):
                self._empty_line(len(self.data))
            return
        if self.at <= error.offset:  # else a head is complete, and its body in doubt
            self._chunks(len(self.data))
            self._lines(len(self.data) if isinstance(error, Truncated) else error.offset)
        if self.at < len(self.data):
            wrong, kind = self.data[self.at :], type(error).__name__
            hide = bool(NAME.search(wrong)) or (wrong[:1] in b" \t" and bool(self.fields) and self.fields[-1].secret)
            ends = isinstance(error, Truncated) or self.at <= error.offset  # the reading
            means = f"expected {error.expected}" if ends else "not read: it is in doubt what this is"
            self.fields.append(Field(self.at, len(wrong), kind, means, fault=ends, secret=hide))
            self.at = len(self.data)
        elif isinstance(error, Truncated) and self.fields:
            last = max(index for index, field in enumerate(self.fields) if field.depth == 0)
            self.fields[last] = replace(self.fields[last], means=note(error), fault=True)
        if not any(field.fault for field in self.fields):
            self.fields = lay(self.fields, [fault(error, error.length)])

    def _lines(self, end: int) -> None:
        """Name the lines before `end`, of a head that is cut off, or refused later. A last line may be cut off, too."""
        if self._chunked and not self._last_chunk:
            return
        if (empty := EMPTY.match(self.data, self.at, end)) and not self._last_chunk:
            self._empty_line(empty.end())
        if not self._last_chunk and self.at < end:
            after = end_of_line(self.data, self.at)
            if after > end or not parts(self.direction, self.data[self.at : after]):
                return
            self._first_line()
        for header in headers(self.data, self.at, end):
            if header.text.endswith(b"\n") or b":" in header.text:
                self._header(header)

    def _add(self, length: int, name: str, value: str = "", means: str = "", section: str = "") -> None:
        self.fields.append(Field(self.at, length, name, value, means, section))
        self.at += length

    def _part(self, match: Match[bytes], part: str, name: str, means: str, section: str) -> None:
        """Name one group of a line, as a field of depth 1."""
        if match[part] is not None:
            start, end = match.span(part)
            self.fields.append(Field(start, end - start, name, text(match[part]), means, section, 1))

    def _head(self, event: Head) -> None:
        if self.at < event.offset:
            self._empty_line(event.offset)
        if event.start:
            self._chunked, self._length = False, ""
            self._first_line()
        for header in headers(self.data, self.at, len(self.data)):
            self._header(header)
        text = "the headers end here" if event.start else "the trailers end here"
        size = end_of_line(self.data, self.at) - self.at
        self._add(size, "CRLF", "", text, "RFC 9112 2.1" if event.start else "RFC 9112 7.1")

    def _empty_line(self, end: int) -> None:
        self._add(end - self.at, "CRLF", "", "an empty line before a request, to be ignored", "RFC 9112 2.2")

    def _first_line(self) -> None:
        line, start = self.data[self.at : end_of_line(self.data, self.at)], self.at
        asks = self.direction == "request"
        name, section = ("request-line", "RFC 9112 3") if asks else ("status-line", "RFC 9112 4")
        spans = parts(self.direction, line)
        status = line[slice(*spans.get("status", (0, 0)))]
        connects = line.startswith(b"CONNECT ") if asks else status != b"101"
        self._agreed = "RFC 9110 9.3.6" if connects else "RFC 9110 7.8"
        self._add(len(line), name, text(line.rstrip()), "", section)
        for part, (low, high) in spans.items():
            means, section = FIRST_LINE[part]
            value = line[low:high]
            means = _status_means(value) if part == "status" else means
            self.fields.append(Field(start + low, high - low, part, text(value), means, section, 1))

    def _header(self, header: Header) -> None:
        """Name a header, with the lines on which it goes on."""
        name, value, hide = text(header.name), text(header.value), header.secret
        self._add(len(header.text), name, value, *meaning(name))
        at = header.text.find(header.name) if header.name else 0
        if header.name:
            self.fields.append(Field(header.at + at, len(header.name), "field-name", name, "", "RFC 9110 5.1", 1))
        at += len(header.name)
        means, section = "", "RFC 9110 5.5"
        for line in header.text[at:].split(b"\n"):
            part = line if means else line.lstrip(b" \t").removeprefix(b":")
            part = part.strip(b" \t\r")
            if part or not means:
                there = header.at + at + len(line.rstrip(b" \t\r")) - len(part)
                field = Field(there, len(part), "field-value", text(part), means, section, 1, secret=hide)
                self.fields.append(field)
            at += len(line) + 1
            means, section = "an obs-fold: the header goes on", "RFC 9112 5.2"
        if name.lower() == "content-length":
            self._length = value.partition(",")[0].strip()  # a list of the same number counts as one (RFC 9110 8.6)
        elif name.lower() == "transfer-encoding":
            self._chunked = True

    def _body(self, event: Data) -> None:
        size = len(event.data)
        if event.stream == "tunnel":
            self._add(size, "tunnel", f"{size} bytes", "no HTTP any more", self._agreed)
        elif self._length:
            self._add(size, "body", f"{size} of {self._length} bytes", "what Content-Length counts", "RFC 9112 6.2")
        else:
            self._add(size, "body", f"{size} bytes", "ends with the connection", "RFC 9112 6.3")

    def _chunks(self, end: int) -> None:
        """Name the chunks before `end`; an unfinished chunk too, if its size is there."""
        while (
            self._chunked
            and not self._last_chunk
            and self.at < end
            and (line := CHUNK_LINE.match(self.data, self.at, end))
        ):
            size = int(line["size"], 16)
            start, after = line.end(), line.end() + size
            if not size:
                self._last_chunk = True
                self._add(start - self.at, "last-chunk", text(line[0].rstrip()), "no more chunks", "RFC 9112 7.1")
                self._part(line, "size", "chunk-size", "0 bytes", "RFC 9112 7.1")
                self._part(line, "ext", "chunk-ext", "an extension", "RFC 9112 7.1.1")
                if (empty := EMPTY.match(self.data, self.at, end)) and self.at + len(empty[0]) == end:
                    self._add(len(empty[0]), "CRLF", "", "no trailers", "RFC 9112 7.1")
                return
            whole = after + 2 <= end and self.data.startswith(b"\r\n", after)
            if after <= end and not whole and not b"\r\n".startswith(self.data[after : after + 2]):
                return  # no CRLF behind it: the whole chunk is in doubt
            got = min(end, after) - start
            self._add(min(end, after + 2) - self.at, "chunk", f"{got} of {size} bytes", "", "RFC 9112 7.1")
            self._part(line, "size", "chunk-size", f"{size} bytes, in hexadecimal", "RFC 9112 7.1")
            self._part(line, "ext", "chunk-ext", "an extension", "RFC 9112 7.1.1")
            means = "a piece of the body"
            self.fields.append(Field(start, got, "chunk-data", f"{got} bytes", means, "RFC 9112 7.1", 1))


def _status_means(status: bytes) -> str:
    known = {status.value: status for status in HTTPStatus}
    meant = known.get(int(status))
    return meant.description or meant.phrase if meant else FIRST_LINE["status"][0]
