"""The lines of HTTP/1.1 as patterns, for fields, for blame and for looking ahead. h11 decides whether they are right.

RFC 9112 2.2: a line ends in CRLF, and LF alone may be taken for it, as h11 does.
"""

import re
from collections.abc import Iterable

TOKEN = rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+"  # RFC 9110 5.6.2
TEXT = rb"[^\x00\r\n\v\f]*?"
END = rb"[ \t]*\r?\n"

BEGINS = re.compile(TOKEN.removesuffix(b"+"))  # a method; one byte tells, and it is asked at every piece
BLANK = re.compile(rb"\n\r?\n")  # the end of a head
REQUEST_LINE = re.compile(rb"(?P<method>%b) (?P<target>[\x21-\x7e]+) (?P<version>HTTP/1\.[0-9])\r?\n" % TOKEN)
STATUS_LINE = re.compile(rb"(?P<version>HTTP/1\.[0-9]) (?P<status>[0-9]{3})(?: (?P<reason>[^\r\n]*))?\r?\n")
FIELD_LINE = re.compile(rb"(?P<name>%b):[ \t]*(?P<value>%b)%b" % (TOKEN, TEXT, END))
FOLD = re.compile(rb"[ \t]+(?P<value>%b)%b" % (TEXT, END))  # obs-fold, RFC 9112 5.2
CUT_FIELD = re.compile(rb"(?P<name>%b):[ \t]*(?P<value>%b)[ \t]*\r?\Z" % (TOKEN, TEXT))
CUT_FOLD = re.compile(rb"[ \t]+(?P<value>%b)[ \t]*\r?\Z" % TEXT)
FOLDED = re.compile(rb"\r?\n[ \t]+")
EMPTY = re.compile(rb"\r?\n")
CHUNK_LINE = re.compile(rb"(?P<size>[0-9A-Fa-f]+)(?P<ext>;[^\n]*?)?[ \t]*\r\n")  # RFC 9112 7.1
LAST_CHUNK = re.compile(rb"0+[; \t\r]")
LINE = re.compile(rb"[^\n]*\n")


def header_at(head: bytes, names: Iterable[bytes]) -> int:
    """Find the last of these headers in a head (or in trailers). h11 tells a repeated Content-Length once."""
    fields = ((line.start(), FIELD_LINE.fullmatch(line[0])) for line in LINE.finditer(head))
    starts = ((at, field["name"]) for at, field in fields if field)
    at = 0
    for name in names:
        at = next(start for start, field in starts if field == name)
    return at


def blamed(head: bytes, name: bytes | None) -> int:
    """Find the last header `name` (in lower case) of a head or of trailers.

    b"" is the first line, None the first line that is no header.
    """
    if name == b"":
        return 0
    last, section = 0, head[: end.end()] if (end := BLANK.search(head)) else head
    goes_on = False  # the next line may be an obs-fold
    for line in LINE.finditer(section):
        field = FIELD_LINE.fullmatch(line[0])
        if name is None and not (field or EMPTY.fullmatch(line[0]) or _first(line)):
            if not (goes_on and FOLD.fullmatch(line[0])):
                return line.start()
        elif name and field and field["name"].lower() == name:
            last = line.start()
        goes_on = bool(field) or goes_on
    return last


def _first(line: re.Match[bytes]) -> bool:
    return line.start() == 0 and bool(REQUEST_LINE.fullmatch(line[0]) or STATUS_LINE.fullmatch(line[0]))
