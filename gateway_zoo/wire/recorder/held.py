"""Bytes of a connection that are held back until it is known what is secret in them.

A direction holds pieces of the connection, as they came. The same bytes are read in lanes: one for the connection's
protocol, and one for each stream inside it, whose bytes lie in pieces of the connection.
"""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from gateway_zoo.wire import secrets
from gateway_zoo.wire.events import Data, Event, Head, Values, Variables
from gateway_zoo.wire.fields import Field, Span, cut
from gateway_zoo.wire.recording import AnyEntry, Bytes

LONGEST = 1 << 18  # bytes that wait for the variables of a request that has begun
Out = Callable[[AnyEntry], object]


class Doubt:
    """Bytes behind a fault that no event tells of. `at`: offset of the first that was not searched for a name."""

    def __init__(self, at: int) -> None:
        self.at = at
        self._end = b""  # of the bytes that were searched: a name may lie in several pieces
        self._hides = False

    def hidden(self, data: bytes, codes: tuple[bytes, ...]) -> Span:
        """Search the next bytes. Returns the span in them that is to be masked: all behind the first name."""
        rest = 0 if self._hides else secrets.rest(self._end + data, codes)
        first = len(data) if rest is None else max(0, rest - len(self._end))
        self._hides = rest is not None
        self.at += len(data)
        self._end = b"" if self._hides else (self._end + data)[-secrets.LONGEST :]
        return first, len(data) - first

    def within(self, data: bytes, named: Sequence[Field], codes: tuple[bytes, ...]) -> list[Span]:
        """The same where the bytes are messages with fields: only the rest of each field with a name, and the secrets.
        Empty if there are no messages."""
        if len(named) < 2 or named[1].depth <= named[0].depth:
            return []
        spans = [span for field in named if field.secret for span in field.spans]
        for field, after in zip(named, [*named[1:], None], strict=False):
            rest = secrets.rest(cut(data, field.spans), codes) if after is None or after.depth <= field.depth else None
            if rest is not None:
                spans += field.spans if field.rest else [(field.offset + rest, field.length - rest)]
                self._hides = field.fault and field.offset + field.length == len(data)
        return spans


class Lane:
    """Bytes for one decoder: those of the connection, or a stream inside. Offsets count from its first byte.

    `read`: offset behind the last event; `head`: that event is a head, which begins there. `stopped`: nothing more is
    decoded. `doubt`: a fault has come, and no event behind it.
    """

    def __init__(self, protocol: str) -> None:
        self.protocol = protocol
        self.pieces: list[Span] = []  # places on the connection that are held, in order
        self.count = 0
        self.read = 0
        self.head = False
        self.stopped = False
        self.doubt: Doubt | None = None

    def add(self, offset: int, length: int) -> None:
        self.pieces.append((offset, length))
        self.count += length

    def release(self, until: int) -> None:
        self.pieces = [(max(at, until), min(size, at + size - until)) for at, size in self.pieces if at + size > until]

    def spans(self, start: int, end: int) -> list[Span]:
        """The places on the connection of the bytes from `start` to `end`, as far as they are held."""
        at = self.count - sum(size for _, size in self.pieces)
        spans = []
        for offset, size in self.pieces:
            first, last = max(start - at, 0), min(end - at, size)
            if first < last:
                spans.append((offset + first, last - first))
            at += size
        return spans

    def note(self, event: Event) -> None:
        self.head = isinstance(event, Head | Variables | Values)
        self.read = event.offset + (len(event.data) if isinstance(event, Data) else 0)


class Held:
    """The bytes of one direction that are held back. `start`: offset of the first of them; `end`: behind the last."""

    def __init__(self, protocol: str) -> None:
        self.start = self.end = 0
        self.pieces: list[Bytes] = []
        self.masked: list[Span] = []
        self.broken = False  # the bytes that came last break a rule
        self.cut_off = False  # the end comes within a message, and no head before that message is half read
        self.begun: dict[int, int] = {}  # FastCGI: id -> offset of a request whose variables are incomplete
        self.outer = Lane(protocol)
        self.inside: dict[tuple[int, str], tuple[int, Lane]] = {}  # (request id, stream) -> its first byte's place

    def add(self, entry: Bytes) -> None:
        self.pieces.append(entry)
        self.outer.add(self.end, len(entry.data))
        self.end += len(entry.data)

    def lane(self, stream: int | None) -> Lane | None:
        """The lane of an event, by the place of its stream's first byte."""
        if stream is None:
            return self.outer
        return next((lane for first, lane in self.inside.values() if first == stream), None)

    def free(self, settled: int) -> int:
        """Offset up to which bytes may be passed on. A request is held from its beginning: fields need it."""
        begun = min(self.begun.values(), default=settled)
        return min(settled, begun) if self.end - begun < LONGEST else settled

    def cut(self, spans: Sequence[Span]) -> bytes:
        data = self.pieces[0].data if len(self.pieces) == 1 else b"".join(piece.data for piece in self.pieces)
        return cut(data, [(offset - self.start, length) for offset, length in spans])

    def release(self, until: int, out: Out) -> None:
        """Pass on the bytes before `until`, masked."""
        if until <= self.start:
            return
        keep: list[Bytes] = []
        spans, at = self.masked, self.start
        for piece in self.pieces:
            after = at + len(piece.data)
            if at >= until:
                keep.append(piece)
            else:
                size = min(after, until) - at
                if size < len(piece.data):
                    keep.append(replace(piece, data=piece.data[size:]))
                    piece = replace(piece, data=piece.data[:size])  # noqa: PLW2901
                out(replace(piece, data=secrets.masked(piece.data, spans, at)) if spans else piece)
            at = after
        self.pieces, self.start = keep, max(self.start, min(until, self.end))
        self.masked = [(offset, length) for offset, length in spans if offset + length > self.start]
        for lane in (self.outer, *(lane for _, lane in self.inside.values())):
            lane.release(self.start)
