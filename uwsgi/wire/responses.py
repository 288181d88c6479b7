"""The decoder of answers: packets, or a stream with another protocol inside."""

import re

from gateway_zoo.wire.decoder import breach
from gateway_zoo.wire.events import Data, End, Event
from gateway_zoo.wire.faults import LIMITS, Limits, Malformed

from .requests import Packets

PACKET, HTTP, CGI = "packet", "RESPONSE", "CGI-RESPONSE"
#: Answers that are packets: to a ping; to a signal or a job for the spooler. (d is also a letter.)
PACKETS = re.compile(rb"d\0|\xff")
#: The name of CGI's first header. HTTP's first line begins with HTTP/, and / stands in no name.
NAME = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+[ \t]*)?")


class NoStatusLine(Malformed):
    """An answer that begins with a header, as CGI's does: uWSGI in cgi-mode. nginx takes it."""


def begins(data: bytes, at: int, limits: Limits = LIMITS) -> str:
    """Tell what the answer at `at` is: PACKET, HTTP or CGI; empty if more bytes must come."""
    if PACKETS.match(data, at):
        return PACKET
    name = NAME.match(data, at, at + limits.name + 1)
    end = name.end() if name else at
    if end - at > limits.name:
        return HTTP
    if end == len(data):
        return ""
    return CGI if end > at and data[end] == 0x3A else HTTP


class Responses(Packets):
    """An HTTP response, ended by closing, which HTTP's own decoder reads; or CGI's; or packets."""

    _stream = ""  # of the answer; empty until its first bytes tell it

    def _decode(self, data: bytes, events: list[Event]) -> int:
        at = 0
        while not self._stream and at < len(data):
            answer = begins(data, at, self.limits)
            after = self._packet(data, at, events) if answer == PACKET else at
            if answer == PACKET and after > at:
                at = after
            elif answer in (PACKET, ""):
                return at
            else:
                self._begin(answer, at, events)
        if at < len(data):
            events.append(Data(self.offset + at, 0, self._stream, data[at:]))
        return len(data)

    def _begin(self, answer: str, at: int, events: list[Event]) -> None:
        self._stream = answer
        if answer == CGI:
            rule = "an HTTP status line; this is CGI's head"
            events.append(breach(NoStatusLine(self.offset + at, b"", rule), 0))

    def _close(self, events: list[Event]) -> None:
        if self._rest and not begins(self._rest, 0, self.limits):  # a word alone
            self._begin(HTTP, 0, events)
            events.append(Data(self.offset, 0, HTTP, self._rest))
            self.offset += len(self._rest)
            self._rest = b""
        super()._close(events)
        if self._stream or not self.offset:
            events.append(End(self.offset, 0))
