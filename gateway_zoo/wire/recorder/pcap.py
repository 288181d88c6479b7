"""Write a recording as a pcap file for Wireshark.

The bytes and the times are the recording's. The packets are invented: handshake, segments of at most 65,000 bytes, an
acknowledgement for each, FIN or RST, right checksums. So are the addresses: a front is 127.0.1.N, a gateway 127.0.2.N,
unix sockets included. The gateway's port tells the protocol (`PORT` in its wire.py): tshark knows AJP (8009) and HTTP
(80) by itself, FastCGI (9000) with DECODE_AS, uwsgi (3031) and SCGI (4000) with the zoo's dissectors.

Source: the libpcap file format (version 2.4, LINKTYPE_RAW 101), RFC 791, RFC 9293.
"""

import struct
from collections.abc import Iterable, Iterator
from itertools import count
from typing import IO

from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Ended, Opened

LINKTYPE_RAW = 101
LONGEST = 65_000  # bytes of data in a segment; with the headers it must fit IPv4's 65,535
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
#: Options for tshark: its table of ports has no FastCGI.
DECODE_AS = ("-d", "tcp.port==9000,fcgi")
OTHER = 9999  # a protocol without a PORT
FIRST_PORT, PORTS_OF_FRONTS = 32_768, 28_000
WORD = 1 << 32


class _Stream:
    """One connection as TCP, with the next sequence number of each side."""

    def __init__(self, opened: Opened, front: bytes, gateway: tuple[bytes, int]) -> None:
        port = FIRST_PORT + opened.connection % PORTS_OF_FRONTS
        start = opened.connection * 0x01000193 % WORD  # another for each connection (RFC 9293 3.4.1)
        self.ends: dict[Direction, tuple[bytes, int]] = {"request": (front, port), "response": gateway}
        self.next: dict[Direction, int] = {"request": start, "response": start ^ 0x5A5A5A5A}
        self.over: set[Direction] = set()

    def segment(self, direction: Direction, flags: int, data: bytes = b"") -> bytes:
        """The next segment of this direction as an IP packet."""
        back = other(direction)
        acknowledged = self.next[back] if flags & ACK else 0
        segment = packet(self.ends[direction], self.ends[back], self.next[direction], acknowledged, flags, data)
        self.next[direction] = (self.next[direction] + len(data) + bool(flags & SYN) + bool(flags & FIN)) % WORD
        return segment

    def open(self) -> Iterator[bytes]:
        yield self.segment("request", SYN)
        yield self.segment("response", SYN | ACK)
        yield self.segment("request", ACK)

    def data(self, direction: Direction, data: bytes) -> Iterator[bytes]:
        for at in range(0, len(data), LONGEST):
            yield self.segment(direction, PSH | ACK, data[at : at + LONGEST])
            yield self.segment(other(direction), ACK)

    def end(self, direction: Direction) -> Iterator[bytes]:
        if direction not in self.over:
            self.over.add(direction)
            yield self.segment(direction, FIN | ACK)
            yield self.segment(other(direction), ACK)

    def close(self, *, reset: bool) -> Iterator[bytes]:
        if reset and len(self.over) < 2:
            yield self.segment("response" if "request" in self.over else "request", RST | ACK)
            return
        yield from self.end("response")
        yield from self.end("request")


def other(direction: Direction) -> Direction:
    return "response" if direction == "request" else "request"


def export(entries: Iterable[AnyEntry], file: IO[bytes], codecs: Codecs) -> None:
    """Write the recording's connections to `file`, as pcap."""
    file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 0x40000, LINKTYPE_RAW))
    streams: dict[int, _Stream] = {}
    fronts, gateways = _Addresses(1), _Addresses(2)
    latest = 0.0
    for entry in entries:
        if isinstance(entry, Opened):
            port = codecs[entry.protocol].PORT if entry.protocol in codecs else 0
            stream = _Stream(entry, fronts.of(entry.front), (gateways.of(entry.exhibit), port or OTHER))
            streams[entry.connection] = stream
            packets = stream.open()
        elif isinstance(entry, Bytes) and entry.connection in streams:
            packets = streams[entry.connection].data(entry.direction, entry.data)
        elif isinstance(entry, Ended) and entry.connection in streams:
            packets = streams[entry.connection].end(entry.direction)
        elif isinstance(entry, Closed) and entry.connection in streams:
            packets = streams.pop(entry.connection).close(reset=entry.why.startswith(("the front:", "the gateway:")))
        else:
            continue
        latest = max(latest, entry.at)  # bytes that mask_stream.py held back have an earlier time
        for each in packets:
            file.write(_record(latest, each))


class _Addresses:
    """127.0.N.1, 127.0.N.2, … in the order in which the names appear."""

    def __init__(self, third: int) -> None:
        self._third, self._known, self._next = third, dict[str, bytes](), count(1)

    def of(self, name: str) -> bytes:
        if name not in self._known:
            self._known[name] = bytes([127, 0, self._third, min(next(self._next), 254)])
        return self._known[name]


def _record(at: float, data: bytes) -> bytes:
    microseconds = round(at * 1_000_000)
    return struct.pack("<IIII", microseconds // 1_000_000, microseconds % 1_000_000, len(data), len(data)) + data


def packet(
    source: tuple[bytes, int], target: tuple[bytes, int], sequence: int, acknowledged: int, flags: int, data: bytes
) -> bytes:
    """Make an IPv4 packet with a TCP segment (RFC 791 3.1, RFC 9293 3.1)."""
    length = 20 + len(data)
    addresses = source[0] + target[0]
    tcp = struct.pack(">HHIIBBHHH", source[1], target[1], sequence, acknowledged, 5 << 4, flags, 65_535, 0, 0)
    checked = checksum(addresses + struct.pack(">BBH", 0, 6, length) + tcp + data)
    tcp = tcp[:16] + struct.pack(">H", checked) + tcp[18:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, 0, 0x4000, 64, 6, 0) + addresses
    return ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:] + tcp + data


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data[: len(data) & ~1]))
    total += data[-1] << 8 if len(data) % 2 else 0
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
