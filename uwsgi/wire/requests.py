"""Decoders of packets: those of requests, and those that are answers."""

from gateway_zoo.wire.body import Body
from gateway_zoo.wire.decoder import Decoder, breach, fault
from gateway_zoo.wire.events import End, Event, Other, Pairs, Variables
from gateway_zoo.wire.faults import Limits, Malformed, TooLong
from gateway_zoo.wire.secrets import NAME, secret

from .layout import HEADER, KINDS, LENGTH, OTHERS, WITH_VARIABLES
from .variables import CONTENT_LENGTH, BadVariables, body_length, split

TEXT = frozenset(b"\t\n\r" + bytes(range(32, 127)))
TELLS = HEADER.size + LENGTH.size  # bytes that tell a packet from surplus


class NoPacket(Malformed):
    """Bytes behind a request that begin no packet."""

    def __init__(
        self, offset: int, seen: bytes = b"", expected: str = "a packet behind the request, or nothing"
    ) -> None:
        super().__init__(offset, seen, expected)


def kind(modifier1: int, modifier2: int) -> str:
    """Name a packet without variables."""
    if modifier1 == 100 and modifier2:
        return "PONG"
    return OTHERS.get(modifier1, f"modifier1 {modifier1}")


def is_surplus(head: bytes) -> bool:
    """Tell whether bytes behind a request begin no packet. Too few bytes do not tell it yet.

    No mark stands between a body and the next packet. So a packet there must have a kind that is known, and room for
    its first name; and text is surplus.
    """
    if head[0] not in KINDS or len(head) < HEADER.size:
        return head[0] not in KINDS
    if head[0] not in WITH_VARIABLES:
        return TEXT.issuperset(head[: HEADER.size])
    _, size, _ = HEADER.unpack_from(head)
    return size < 2 * LENGTH.size or (len(head) == TELLS and LENGTH.unpack_from(head, HEADER.size)[0] > size)


def may_hide_secret(pairs: Pairs, block: bytes) -> bool:
    """Tell whether a secret's name stands where no name should: behind the pairs of this block, or in a wrong place."""
    split = sum(2 * LENGTH.size + len(name) + len(value) for name, value in pairs)
    texts = [text for name, value in pairs if not secret(name) for text in (name, value)]
    return any(NAME.search(text) for text in [block[split:], *texts])


class Packets(Decoder):
    """A decoder of packets."""

    WAITS_FOR = "the rest of a packet"

    def _packet(self, data: bytes, at: int, events: list[Event]) -> int:
        """Decode the packet at `at`. Return the offset behind it, or `at` if it is not complete."""
        if len(data) - at < HEADER.size:
            return at
        size = data[at + 1] | data[at + 2] << 8
        if size > self.limits.head:
            raise TooLong(self.offset + at, data[at:], f"variables of at most {self.limits.head} bytes, not {size}")
        after = at + HEADER.size + size
        if after > len(data):
            return at
        self._block(data[at], data[at + 3], data[at + HEADER.size : after], self.offset + at, events)
        return after

    def _block(self, modifier1: int, modifier2: int, block: bytes, offset: int, events: list[Event]) -> None:
        """Append the events of a packet without variables. It is a message of its own."""
        events.append(Other(offset, 0, kind(modifier1, modifier2), block))
        events.append(End(offset + HEADER.size + len(block), 0))


class Requests(Packets):
    """Packets and their bodies, one behind the other."""

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._body = Body(0)

    def _decode(self, data: bytes, events: list[Event]) -> int:
        at, end = 0, len(data)
        while at < end:
            if self._body.left:
                at = self._body.take(data, at, self.offset, events)
                if not self._body.left:
                    events.append(End(self.offset + at, 0))
                continue
            if self.offset + at and is_surplus(data[at : at + TELLS]):
                raise NoPacket(self.offset + at)
            after = self._packet(data, at, events)
            if after == at:
                break
            at = after
        return at

    def _block(self, modifier1: int, modifier2: int, block: bytes, offset: int, events: list[Event]) -> None:
        if modifier1 not in WITH_VARIABLES:
            super()._block(modifier1, modifier2, block, offset, events)
            return
        at = offset + HEADER.size
        pairs, error = split(block, at, self.limits)
        events.append(Variables(offset, 0, pairs))
        if error:
            known = isinstance(error, BadVariables) and CONTENT_LENGTH in dict(pairs)
            if not known or may_hide_secret(pairs, block):
                raise error  # the body's length may stand behind it, or a secret that no pair tells
            events.append(breach(error))
        self._body = Body(body_length(pairs, at, events))
        if not self._body.left:
            events.append(End(at + len(block), 0))

    def _close(self, events: list[Event]) -> None:
        if self.offset and 0 < len(self._rest) < TELLS:  # too few for a packet: surplus of the request before
            events.append(fault(NoPacket(self.offset)))
            self.offset += len(self._rest)
            self._rest = b""
        super()._close(events)
        self._body.check(self.offset)
