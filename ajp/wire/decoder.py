"""AJP's packets as events. Bodies are passed on as they come; other packets are read when they are complete."""

import struct

from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, End, Event, Head, Other, Pairs, Values
from gateway_zoo.wire.faults import LIMITS, SHOWN, Limits, TooLong, Truncated

from .codes import CHUNKED, HEADER, INTEGER, KINDS, MAGIC, PING, REASON, RESPONSE_HEADERS, SEND_BODY_CHUNK, SHUTDOWN
from .faults import BadBody, BadLength, BadMagic, BadString, Odd, OutOfPlace
from .packet import explained
from .read import check, forward_request, headers_at, string_at


class Requests(Decoder):
    """Messages to the container, and bodies."""

    WAITS_FOR = "the rest of a packet"

    _due = 0  # bytes of the body that are to come, or CHUNKED
    _piece = 0  # of them, in the packet that is being read

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
            after = _behind(length, data, at, self.offset, self.limits)
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
        if block[:1] == b"\2":
            self._forward(block, offset, events)
        elif block in (b"", b"\0\0"):
            events.append(Other(offset, 0, "Data", b""))  # the answer to a container that asks behind the end
        elif block[0] in (PING, SHUTDOWN) or block == b"\x0a":
            events.append(Other(offset, 0, KINDS["request"][block[0]][0], block[1:]))
        else:
            raise explained("request", block, offset, self.limits)

    def _forward(self, block: bytes, offset: int, events: list[Event]) -> None:
        try:
            places, start, headers, attributes, self._due = forward_request(block, self.limits)
        except (Odd, IndexError, KeyError, struct.error):
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


def _behind(length: int, data: bytes, at: int, offset: int, limits: Limits) -> int:
    """Return the end of the packet at `at`. Raises TooLong before its bytes are waited for."""
    after = at + HEADER.size + length
    if after - at > limits.head:
        raise TooLong(offset + at, data[at:], f"a packet of at most {limits.head} bytes")
    return after


def _length(data: bytes, at: int, offset: int, direction: Direction) -> int:
    """Return the length of the packet at `at`, without its header. Raises BadMagic."""
    magic, length = HEADER.unpack_from(data, at)
    if magic != MAGIC[direction]:
        raise BadMagic(offset + at, data[at:], f"a packet that begins with {MAGIC[direction]!r}")
    return int(length)


class Responses(Decoder):
    """Messages from the container."""

    WAITS_FOR = "the rest of a packet"

    _piece = 0  # bytes of a chunk that are to come
    _nul = False  # and the NUL behind it
    _headers = False  # they have come

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
                self._begin(data[at : at + SHOWN + 5], length, self.offset + at)
                at += HEADER.size + 3
                continue
            after = _behind(length, data, at, self.offset, self.limits)
            if after > end:
                break
            self._message(data[at + HEADER.size : after], self.offset + at, events)
            at = after
        return at

    def _begin(self, packet: bytes, length: int, offset: int) -> None:
        """Begin a chunk. The NUL behind it is not in the specification, but all containers send it.

        `packet`: the bytes of it that an error shows.
        """
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
            message, at = string_at(block, 3)
            headers, at = headers_at(block, at, RESPONSE_HEADERS)
            if at > self.limits.name or len(headers) > self.limits.variables:
                check([[(b"", message or b"")], headers], self.limits)
            if at != len(block) or not 100 <= status <= 999 or not REASON.fullmatch(message or b""):
                raise Odd
        except (Odd, IndexError, KeyError, struct.error):
            raise explained("response", block, offset, self.limits) from None
        return b"HTTP/1.1 %d %b" % (status, message or b""), headers

    def _close(self, events: list[Event]) -> None:
        super()._close(events)
        if self._piece or self._nul:
            raise Truncated(self.offset, b"", f"{self._piece + self._nul} more bytes of a chunk")
        if self._headers:
            raise Truncated(self.offset, b"", "End Response")


def decoders(limits: Limits = LIMITS) -> tuple[Decoder, Decoder]:
    """Make the decoders of requests and of responses."""
    return Requests(limits), Responses(limits)
