"""Names for the bytes of HTTP/1.1. The decoder runs first: its events tell where messages begin and end."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from re import Match

from msgspec.structs import replace

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.events import Data, End, Event, Head, asking
from gateway_zoo.wire.faults import Truncated, WireError
from gateway_zoo.wire.fields import Annotated, Field, Stream, secret, text

from .decoder import decoders
from .grammar import CHUNK_LINE, CUT_FIELD, CUT_FOLD, EMPTY, FIELD_LINE, FOLD, FOLDED, REQUEST_LINE, STATUS_LINE
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
    naming = _Naming(data)
    for event in events:
        naming.follow(event)
    naming.rest(error)
    return Annotated(naming.fields, naming.streams)


class _Naming:
    """Names the bytes between the decoder's events. All bytes before `at` have names."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0
        self.fields: list[Field] = []
        self.streams: list[Stream] = []
        self._chunked = False
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
            self._chunked = False  # even if a trailer said so: what follows is no chunk

    def rest(self, error: WireError | None) -> None:
        """Name the bytes that the decoder could not use."""
        if error is None:
            if self.at < len(self.data):
                self._empty_line(len(self.data))
            return
        self._chunks(len(self.data))
        self._good_lines(len(self.data) if isinstance(error, Truncated) else error.offset)
        if isinstance(error, Truncated):
            self._cut_line()
        if self.at < len(self.data):
            wrong, kind = self.data[self.at :], type(error).__name__
            hide = any(secret(line.partition(b":")[0].strip()) for line in wrong.split(b"\n"))
            hide = hide or (wrong[:1] in b" \t" and bool(self.fields) and self.fields[-1].secret)
            expected = f"expected {error.expected}"
            self.fields.append(Field(self.at, len(wrong), kind, expected, fault=True, secret=hide))
            self.at = len(self.data)
        elif self.fields:
            last = max(index for index, field in enumerate(self.fields) if field.depth == 0)
            self.fields[last] = replace(self.fields[last], fault=True)

    def _good_lines(self, end: int) -> None:
        """Name the good lines before `end`, of a head that is wrong, or cut off, later."""
        if self.at < end and (REQUEST_LINE.match(self.data, self.at) or STATUS_LINE.match(self.data, self.at)):
            self._first_line()
        while self.at < end and (line := FIELD_LINE.match(self.data, self.at)):
            self._header(line)

    def _cut_line(self) -> None:
        """Name a header that is cut off. It may be the beginning of a secret."""
        line = CUT_FIELD.match(self.data, self.at)
        if line and line.end() > self.at:
            self._header(line)  # which `rest` then marks

    def _add(self, length: int, name: str, value: str = "", means: str = "", section: str = "") -> None:
        self.fields.append(Field(self.at, length, name, value, means, section))
        self.at += length

    def _part(self, match: Match[bytes], part: str, name: str, means: str, section: str, *, hide: bool = False) -> None:
        """Name one group of a line, as a field of depth 1."""
        if match[part] is not None:
            start, end = match.span(part)
            self.fields.append(Field(start, end - start, name, text(match[part]), means, section, 1, secret=hide))

    def _head(self, event: Head) -> None:
        if self.at < event.offset:
            self._empty_line(event.offset)
        if event.start:
            self._chunked, self._length = False, ""
            self._first_line()
        while not (empty := EMPTY.match(self.data, self.at)):
            line = FIELD_LINE.match(self.data, self.at)
            assert line
            self._header(line)
        text = "the headers end here" if event.start else "the trailers end here"
        self._add(len(empty[0]), "CRLF", "", text, "RFC 9112 2.1" if event.start else "RFC 9112 7.1")

    def _empty_line(self, end: int) -> None:
        self._add(end - self.at, "CRLF", "", "an empty line before a request, to be ignored", "RFC 9112 2.2")

    def _first_line(self) -> None:
        asks = REQUEST_LINE.match(self.data, self.at)
        match = asks or STATUS_LINE.match(self.data, self.at)
        assert match
        name, section = ("request-line", "RFC 9112 3") if asks else ("status-line", "RFC 9112 4")
        connects = match["method"] == b"CONNECT" if asks else match["status"] != b"101"
        self._agreed = "RFC 9110 9.3.6" if connects else "RFC 9110 7.8"
        self._add(len(match[0]), name, text(match[0].rstrip()), "", section)
        for part in match.groupdict():
            means, section = FIRST_LINE[part]
            self._part(match, part, part, _status_means(match[part]) if part == "status" else means, section)

    def _header(self, line: Match[bytes]) -> None:
        """Name a header, with the lines on which it goes on."""
        folds, end = [], line.end()
        while fold := FOLD.match(self.data, end) or CUT_FOLD.match(self.data, end):
            folds.append(fold)
            end = fold.end()
        name = text(line["name"])
        value = text(FOLDED.sub(b" ", self.data[line.start("value") : end]).strip(b" \t\r\n"))
        self._add(end - self.at, name, value, *meaning(name))
        hide = secret(line["name"])
        self._part(line, "name", "field-name", "", "RFC 9110 5.1")
        self._part(line, "value", "field-value", "", "RFC 9110 5.5", hide=hide)
        for fold in folds:
            self._part(fold, "value", "field-value", "an obs-fold: the header goes on", "RFC 9112 5.2", hide=hide)
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
        while self._chunked and self.at < end and (line := CHUNK_LINE.match(self.data, self.at, end)):
            size = int(line["size"], 16)
            start, after = line.end(), line.end() + size
            if not size:
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
