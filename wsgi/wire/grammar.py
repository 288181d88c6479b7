"""The lines of HTTP/1.1 as patterns: strict ones, to judge, and wide ones, to read what breaks a rule.

RFC 9112 2.2: a line ends in CRLF, and LF alone may be taken for it, as h11 does.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.fields import Span, secret
from gateway_zoo.wire.secrets import NAME

TOKEN = rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+"  # RFC 9110 5.6.2
TEXT = rb"[^\x00\r\n\v\f]*"

BEGINS: Mapping[Direction, re.Pattern[bytes]] = {
    "request": re.compile(rb"GET |POST|HEAD|PUT |DELE|OPTI|PATC|TRAC|CONN|PRI "),
    "response": re.compile(rb"HTTP/", re.IGNORECASE),
}
METHOD = re.compile(TOKEN.removesuffix(b"+"))  # one byte tells, and it is asked at every piece
REGISTERED = re.compile(rb"[A-Z]")  # all methods that IANA knows begin so
NEVER = re.compile(rb"[\x00\v\f]|\r(?!\n)")  # in a head; h11 takes minutes for a NUL behind many blanks
BLANK = re.compile(rb"\n\r?\n")  # the end of a head
REQUEST_LINE = re.compile(rb"(?P<method>%b) [\x21-\x7e]+ (?P<version>HTTP/1\.[0-9])\r?\n" % TOKEN)
STATUS_LINE = re.compile(rb"(?P<version>HTTP/1\.[0-9]) [1-9][0-9]{2}(?: %b)?\r?\n" % TEXT)
WORD = re.compile(rb"[^ \t]+")
WIDE_STATUS_LINE = re.compile(rb"(HTTP/[^ \t\r\n]*)[ \t]+([0-9]{3})(?![0-9])[ \t]*", re.IGNORECASE)
HEADER = re.compile(rb"[^\n]+\n?(?:[ \t][^\n]*\n?)*")  # with its obs-folds, RFC 9112 5.2
FIELD_LINE = re.compile(rb"%b:%b\r?\n" % (TOKEN, TEXT))
WANTED_LINE = "a name, a colon right behind it, a value without control characters"
GOOD_HEADER = re.compile(rb"%b(?:[ \t]%b\r?\n)*" % (FIELD_LINE.pattern, TEXT))
FOLDED = re.compile(rb"\r?\n[ \t]+")
EMPTY = re.compile(rb"\r?\n")
CHUNK_LINE = re.compile(rb"(?P<size>[0-9A-Fa-f]+)(?P<ext>;[^\n]*?)?[ \t]*\r\n")  # RFC 9112 7.1
LAST_CHUNK = re.compile(rb"0+[; \t\r]")


def parts(direction: Direction, line: bytes) -> dict[str, Span]:
    """Find the parts of a first line, also of one that breaks a rule: name -> start and end. Empty: none is there."""
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    if direction == "response":
        status = WIDE_STATUS_LINE.match(line)
        reason = (status.end(), len(line.rstrip(b" \t"))) if status else (0, 0)
        spans = {"version": status.span(1), "status": status.span(2)} if status else {}
        return spans | {"reason": reason} if reason[0] < reason[1] else spans
    words = [word.span() for word in WORD.finditer(line)]
    if len(words) < 2 or words[0][0] or not re.fullmatch(TOKEN, line[: words[0][1]]):
        return {}
    version = len(words) > 2 and line[slice(*words[-1])].upper().startswith(b"HTTP/")
    target = (words[1][0], words[-2 if version else -1][1])
    return {"method": words[0], "target": target} | ({"version": words[-1]} if version else {})


class Header(NamedTuple):
    """A header with the lines on which it goes on, right or wrong. `text`: all its bytes, which begin at `at`."""

    at: int
    text: bytes
    name: bytes
    value: bytes
    good: bool

    @property
    def secret(self) -> bool:
        return secret(self.name) or (not self.good and bool(NAME.search(self.text)))

    @property
    def shown(self) -> bytes:
        """The bytes for an error, which must not tell a secret."""
        return b"" if self.secret else self.text


def headers(data: bytes, at: int, end: int) -> Iterator[Header]:
    """Split the bytes from `at` on, up to an empty line or to `end`.

    The name ends at the first colon. A line without a colon is a name; behind the name of a secret, its value.
    """
    while at < end and not EMPTY.match(data, at, end) and (header := HEADER.match(data, at, end)):
        text = header[0]
        first = text.partition(b"\n")[0]
        name, colon, _ = first.partition(b":")
        if not colon:
            name = first[: named.end()] if (named := NAME.search(first)) else first
        value = FOLDED.sub(b" ", text[len(name) + len(colon) :]).strip(b" \t\r\n")
        yield Header(at, text, name.strip(b" \t\r"), value, bool(GOOD_HEADER.fullmatch(text)))
        at = header.end()


def end_of_line(data: bytes, at: int = 0) -> int:
    """Find the place behind the line that begins at `at`."""
    return data.find(b"\n", at) + 1 or len(data)


def header_at(lines: Iterable[Header], names: Iterable[bytes]) -> int:
    """Find the last of these headers, which stand in this order. h11 tells a repeated Content-Length once."""
    rest, at = iter(lines), 0
    for name in names:
        at = next(line.at for line in rest if line.name == name)
    return at


def blamed(head: bytes, name: bytes) -> tuple[int, int]:
    """Find the last header `name` (in lower case): its offset and length. Without it, or a name: those of the first
    line."""
    first = end_of_line(head)
    lines = headers(head, first, len(head)) if name else []
    places = [(line.at, len(line.text)) for line in lines if line.name.lower() == name]
    return places[-1] if places else (0, first)
