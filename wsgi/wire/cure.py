"""A head that breaks a rule, made sound for h11: so one bad line does not hide the message.

The line that breaks a rule makes a Breach. h11 gets a sound line in its place; the events tell the line as it stands on
the wire. Where a bad line may hide the end of the body, the framing is in doubt: some recipients take "Content-Length :
5" or a CR alone for what they look like (RFC 9112 2.2, 5.1, 11.2).
"""

import re
from typing import NamedTuple

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.decoder import breach
from gateway_zoo.wire.events import Breach, Pairs
from gateway_zoo.wire.faults import WireError

from .faults import BadHeader, BadHost, BadRequestLine, BadStatusLine, BadVersion, of_line
from .grammar import REQUEST_LINE, STATUS_LINE, TOKEN, WANTED_LINE, Header, blamed, end_of_line, headers, parts

FRAMING = re.compile(rb"content-length|transfer-encoding", re.IGNORECASE)
VERSION = re.compile(rb"HTTP/1\.[0-9]")
OTHER_VERSION = re.compile(rb"(?:[!-~]+ [!-~]+ HTTP/[!-~]+|HTTP/[!-~]+ [1-9][0-9]{2}(?: .*)?)\r?\n")
BLANKS = re.compile(rb"[\x00\s]+")


class Cured(NamedTuple):
    """What a head becomes. `head`: for h11; `doubt`: why the end of the message is unknown."""

    head: bytes
    pairs: Pairs
    breaches: list[Breach]
    doubt: WireError | None


def cure(direction: Direction, head: bytes, offset: int) -> Cured:
    """Read a head that h11 refuses, or that is of another version."""
    line = head[: end_of_line(head)]
    lines = list(headers(head, len(line), len(head)))
    start, breaches, doubt = _first_line(direction, line, offset)
    for header in lines:
        if not header.good:
            breaches.append(_breach(header, offset))
            doubt = doubt or (
                _in_doubt(offset + header.at, header.shown, len(header.text)) if FRAMING.search(header.text) else None
            )
    sound = list(map(_sound, lines))
    if direction == "request":
        hosts = sum(header.name.lower() == b"host" for header in lines)
        if hosts > 1 or (not hosts and line.rstrip().endswith(b"HTTP/1.1")):
            at, length = blamed(head, b"host")
            error = BadHost(offset + at, head[at : at + length], "one Host header" if hosts else "a Host header")
            breaches.append(breach(error, length))
        sound = [text for header, text in zip(lines, sound, strict=True) if header.name.lower() != b"host"]
        sound.append(b"Host: h\r\n")
    pairs = [(header.name, header.value) for header in lines]
    breaches = [each for each in breaches if not doubt or each.offset != doubt.offset]  # which says more
    return Cured(b"".join([start, *sound, b"\r\n"]), pairs, breaches, doubt)


def trailers(data: bytes, offset: int) -> tuple[Pairs, list[Breach]]:
    """Read trailers that h11 refuses."""
    lines = list(headers(data, 0, len(data)))
    return [(header.name, header.value) for header in lines], [_breach(line, offset) for line in lines if not line.good]


def _breach(header: Header, offset: int) -> Breach:
    error = BadHeader(offset + header.at, header.shown, WANTED_LINE)
    return breach(error, len(header.text))


def _first_line(direction: Direction, line: bytes, offset: int) -> tuple[bytes, list[Breach], WireError | None]:
    """Return a sound first line, the breach, and the doubt."""
    asks = direction == "request"
    if (REQUEST_LINE if asks else STATUS_LINE).fullmatch(line):
        return line, [], None
    kind: type[WireError] = BadRequestLine if asks else BadStatusLine
    expected = "method, target and HTTP/1.1 with one space between" if asks else "HTTP/1.1, three digits and a reason"
    texts = {part: line[start:end] for part, (start, end) in parts(direction, line).items()}
    if not texts:
        return line, [], of_line(kind(offset, line, expected), len(line))
    version = texts.get("version", b"HTTP/0.9")
    if OTHER_VERSION.fullmatch(line) and not VERSION.fullmatch(version):
        kind, expected = BadVersion, "HTTP/1.1 or HTTP/1.0"
    error = kind(offset, line, expected)
    version = version.upper()
    if not VERSION.fullmatch(version):
        version = b"HTTP/1.0" if version.startswith(b"HTTP/0") else b"HTTP/1.1"
    doubt: WireError | None = None
    if texts.get("method") == b"PRI":
        doubt = BadVersion(offset, line, "HTTP/1.1: this begins a connection in HTTP/2")
    elif b"\r" in line[:-2] and FRAMING.search(line):
        doubt = _in_doubt(offset, line, len(line))
    if asks:
        sound = b"%b / %b\r\n" % (texts["method"], version)
    else:
        sound = b"%b %b\r\n" % (version, texts["status"] if texts["status"] >= b"100" else b"500")  # RFC 9110 15
    return sound, [breach(error, len(line))], doubt


def _in_doubt(offset: int, text: bytes, length: int) -> WireError:
    return of_line(BadHeader(offset, text, f"{WANTED_LINE}: where the body ends is in doubt"), length)


def _sound(header: Header) -> bytes:
    """Write a header so that h11 takes it; empty if its name is none."""
    if not re.fullmatch(TOKEN, header.name):
        return b""
    return b"%b: %b\r\n" % (header.name, BLANKS.sub(b" ", header.value).strip(b" "))
