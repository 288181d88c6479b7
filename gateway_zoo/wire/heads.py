"""Encode the head of an answer: a status line, the headers, an empty line.

FastCGI and SCGI carry CGI's head (RFC 3875, 6.3), uwsgi carries HTTP's (RFC 9112, 4 and 5). An encoder refuses what a
reader would refuse or misread: a name that is no token, a control character, a value with spaces around it.

What trips people up: a CGI response has each of Content-Type, Location and Status at most once, and the encoder itself
writes Status.
"""

import re
from http.client import responses

from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.faults import CannotEncode

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(rb"(?![ \t])[^\x00-\x08\x0a-\x1f\x7f]*(?<![ \t])")
ONCE = (b"content-type", b"location", b"status")  # RFC 3875 6.3


def cgi_head(status: int, headers: Pairs) -> bytes:
    """Encode CGI's head. Raises CannotEncode."""
    names = [b"status", *(name.lower() for name, value in headers if value)]  # an empty one counts as absent (6.3)
    for name in ONCE:
        if names.count(name) > 1:
            raise CannotEncode(f"{name.decode()} stands twice in a CGI response (RFC 3875 6.3)")
    return _head(b"Status:", status, headers, "RFC 3875 6.3")


def http_head(status: int, headers: Pairs) -> bytes:
    """Encode HTTP's head. Raises CannotEncode."""
    return _head(b"HTTP/1.1", status, headers, "RFC 9112 5")


def _head(first: bytes, status: int, headers: Pairs, section: str) -> bytes:
    if not 100 <= status <= 999:
        raise CannotEncode(f"status {status}: it has three digits")
    for name, value in headers:
        if not TOKEN.fullmatch(name) or not VALUE.fullmatch(value):
            raise CannotEncode(f"{name[:24]!r}: {value[:24]!r} is no header ({section})")
    lines = [b"%b %d %b" % (first, status, responses.get(status, "").encode()), *(b"%b: %b" % pair for pair in headers)]
    return b"\r\n".join([*lines, b"", b""])
