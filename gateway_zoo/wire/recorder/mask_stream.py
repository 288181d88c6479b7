"""Keeps secrets out of recordings: values of Authorization, Cookie and Set-Cookie become as many `*`.

    masking = Masking(wires, out)      a callback of the relay's, which gives the entries on to `out`

Only what is written waits, never the traffic: bytes are held back while a head is half read (Talk.settled), and given
on with the time at which they came. Where a head has a secret, the annotated fields say where it lies; nobody pays for
them otherwise.

What trips people up: nothing may leak. Bytes that are no sound message (or of a protocol that we cannot read) are
masked from the message on that was not finished, all of them, and so is a head that never ended; `why` of the
connection says so. If the fields name fewer secret bytes than the decoder has seen, the whole message is masked.
"""

import math
import re
from collections.abc import Callable
from functools import lru_cache

from msgspec.structs import replace

from gateway_zoo.wire import fields, secrets
from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.conversation import Conversation, ProtocolEvent, method_of
from gateway_zoo.wire.events import Abort, Begin, Data, End, Event, Head, Other, Values, Variables
from gateway_zoo.wire.fields import Span, placed
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Ended, Opened

LONGEST = 1 << 18  # bytes that wait for the variables of a request that has begun
#: What needs no decoder: a whole head of an ordinary answer with none of the names below in it, then its body. CGI's
#: lasts as long as the connection; HTTP's must say how long it is, and be there (RFC 9110 6.4.1).
ORDINARY = {
    "HTTP": re.compile(rb"HTTP/1\.[01] [2-5]\d\d [^\r\n]*\r\n(?:[!#-'*+.0-9A-Z^-z|~-]+:[^\r\n]*\r\n)*\r\n"),
    "CGI": re.compile(rb"(?:[!#-'*+.0-9A-Z^-z|~-]+:[^\r\n]*\r?\n)+\r?\n"),
}
LENGTH = re.compile(rb"\r\nContent-Length: *(\d{1,18})\r\n", re.IGNORECASE)
BODILESS = re.compile(rb"HTTP/1\.[01] [23]04 ")
Out = Callable[[AnyEntry], object]
_secret = lru_cache(maxsize=1024)(secrets.secret)  # the same few names in every request


class Masking:
    """A callback for Relay: entries in, entries without secrets out."""

    def __init__(self, codecs: Codecs, out: Out) -> None:
        self._wires, self._out = codecs, out
        self._connections: dict[int, _Connection] = {}
        self._filled: dict[str, str] = {}

    def filled(self, protocol: str) -> str:
        """The protocol whose bytes alone make up a response of this one; empty if there are others."""
        if protocol not in self._filled:
            streams = (
                self._wires[protocol].annotate("response", secrets.MASK).streams if protocol in self._wires else []
            )
            self._filled[protocol] = streams[0].protocol if streams and streams[0].spans == ((0, 1),) else ""
        return self._filled[protocol]

    def __call__(self, entry: AnyEntry) -> None:
        if isinstance(entry, Bytes):
            self._connections[entry.connection].came(entry)
        elif isinstance(entry, Ended):
            self._connections[entry.connection].ended(entry)
        elif isinstance(entry, Closed):
            self._connections.pop(entry.connection).closed(entry)
        else:
            if isinstance(entry, Opened):
                self._connections[entry.connection] = _Connection(
                    self._wires, entry, self._out, self.filled(entry.protocol)
                )
            self._out(entry)


class _Held:
    """One direction: what has come and is not given on. `start`: offset of the first byte held."""

    def __init__(self) -> None:
        self.start = self.end = 0
        self.pieces: list[Bytes] = []
        self.masked: list[Span] = []
        self.begun: dict[int, int] = {}  # FastCGI: where requests began whose variables are not all there
        #: (request id, stream) -> bytes so far of the protocol inside, and its pieces that are held: (offset, data)
        self.inside: dict[tuple[int, str], tuple[int, list[tuple[int, bytes]]]] = {}

    def free(self, settled: int) -> int:
        """Up to here nothing is needed any more: the fields of a request are named from its beginning on."""
        begun = min(self.begun.values(), default=settled)
        return min(settled, begun) if self.end - begun < LONGEST else settled

    def data(self) -> bytes:
        return self.pieces[0].data if len(self.pieces) == 1 else b"".join(piece.data for piece in self.pieces)

    def release(self, until: int, out: Out) -> None:
        """Give on what lies before `until`."""
        keep: list[Bytes] = []
        spans, at = self.masked, self.start
        for piece in self.pieces:
            after = at + len(piece.data)
            if at >= until:
                keep.append(piece)
            else:
                cut = min(after, until) - at
                if cut < len(piece.data):
                    keep.append(replace(piece, data=piece.data[cut:]))
                    piece = replace(piece, data=piece.data[:cut])  # noqa: PLW2901
                out(replace(piece, data=secrets.masked(piece.data, spans, at)) if spans else piece)
            at = after
        self.pieces, self.start = keep, max(self.start, min(until, self.end))
        self.masked = [(offset, length) for offset, length in spans if offset + length > self.start]
        for key, (count, pieces) in self.inside.items():
            if pieces:
                self.inside[key] = (count, [p for p in pieces if p[0] + len(p[1]) > self.start])


class _Connection:
    def __init__(self, codecs: Codecs, opened: Opened, out: Out, filled: str) -> None:
        self._wires, self._out, self._protocol = codecs, out, opened.protocol
        self._talk = Conversation(codecs, opened.protocol) if opened.protocol in codecs else None
        self._held: dict[Direction, _Held] = {"request": _Held(), "response": _Held()}
        self._filled = filled
        self._plain: float | None = None  # bytes of an ordinary answer that are still to come
        self._methods: list[bytes] = []  # of the requests that are not answered
        self._stream = (0, "")  # the one inside which spoke last
        self._unread = False  # something was masked because it could not be read

    def came(self, entry: Bytes) -> None:
        held = self._held[entry.direction]
        if entry.direction == "response" and not held.end:
            self._plain = self._ordinary(entry.data)
        held.pieces.append(entry)
        held.end += len(entry.data)
        if entry.direction == "response" and self._plain is not None:
            sound = min(self._plain, len(entry.data))
            self._plain -= sound
            held.release(held.start + int(sound), self._out)
            self._mask_all(held)
            return
        if self._talk is None:
            self._mask_all(held)
            return
        for said in self._talk.feed(entry.direction, entry.data):
            if said.protocol == self._protocol:
                self._outer(entry.direction, held, said.event)
            else:
                self._inner(entry.direction, held, said)
        if entry.direction in self._talk.errors:
            held.release(min(self._talk.settled(entry.direction), held.end), self._out)
            self._mask_all(held)
        else:
            held.release(held.free(self._talk.settled(entry.direction)), self._out)

    def _ordinary(self, data: bytes) -> float | None:
        """How many bytes from here on need no decoder; None if it must begin to read."""
        head = ORDINARY[self._filled].match(data) if self._filled in ORDINARY else None
        if not head or secrets.NAME.search(data, 0, head.end()):
            return None
        if self._filled == "CGI":
            return math.inf
        length = LENGTH.findall(data, 0, head.end())
        if len(length) != 1 or b"HEAD" in self._methods or BODILESS.match(data):
            return None
        return head.end() + int(length[0])

    def ended(self, entry: Ended) -> None:
        """What is still held is the beginning of a head whose end will never come."""
        if self._talk and not (self._plain is not None and entry.direction == "response"):
            self._talk.close(entry.direction)
        self._mask_all(self._held[entry.direction])
        self._out(entry)

    def closed(self, entry: Closed) -> None:
        for held in self._held.values():
            self._mask_all(held)
        if self._unread:
            note = f"what could not be read as {self._protocol} is masked (record with --secrets to see it)"
            entry = replace(entry, why=f"{entry.why}; {note}" if entry.why else note)
        self._out(entry)

    def _mask_all(self, held: _Held) -> None:
        if held.pieces:
            self._unread = True
            held.masked.append((held.start, held.end - held.start))
            held.release(held.end, self._out)

    # --- where the secrets are ----------------------------------------------------------------------------------------

    def _outer(self, direction: Direction, held: _Held, event: Event) -> None:
        if isinstance(event, Begin):
            held.begun[event.id] = event.offset
        elif isinstance(event, Data):
            inner = self._wires[self._protocol].INNER.get(event.stream)
            if inner and inner not in self._wires:
                self._unread = True
                held.masked.append((event.offset, len(event.data)))
            elif inner:
                self._stream = (event.id, event.stream)
                count, pieces = held.inside.get(self._stream, (0, []))
                held.inside[self._stream] = (count + len(event.data), [*pieces, (event.offset, event.data)])
        elif isinstance(event, (Head, Variables, Values)):
            if direction == "request" and (method := method_of(event)):
                self._methods.append(method)
            if expected := secret_bytes(event):
                start = max(held.begun.get(event.id, event.offset), held.start)
                window = held.data()[start - held.start :]
                self._mask(held, self._protocol, direction, window, ((start, len(window)),), expected)
            held.begun.pop(event.id, None)
        elif isinstance(event, Abort):
            held.begun.pop(event.id, None)
        elif isinstance(event, End):
            held.begun.pop(event.id, None)
            if direction == "response":
                del self._methods[:1]
            for key in [key for key in held.inside if key[0] == event.id]:
                del held.inside[key]
        elif isinstance(event, Other) and direction == "request" and event.data:
            start = max(event.offset, held.start)  # nobody has read it: it may be anything
            held.masked.append((start, held.end - start))

    def _inner(self, direction: Direction, held: _Held, said: ProtocolEvent) -> None:
        """A head in the protocol inside: named in its own stream, then moved to where the pieces lie."""
        if not isinstance(said.event, (Head, Variables)) or not (expected := secret_bytes(said.event)):
            return
        count, pieces = held.inside[self._stream]
        skip = max(0, said.event.offset - (count - sum(len(data) for _, data in pieces)))
        spans = []
        for offset, data in pieces:
            if skip < len(data):
                spans.append((offset + skip, len(data) - skip))
            skip = max(0, skip - len(data))
        window = fields.cut(held.data(), [(offset - held.start, length) for offset, length in spans])
        self._mask(held, said.protocol, direction, window, tuple(spans), expected)

    def _mask(
        self, held: _Held, protocol: str, direction: Direction, window: bytes, spans: tuple[Span, ...], expected: int
    ) -> None:
        """Mask the secrets of the first head in `window`, the bytes that lie in `spans`."""
        named, _ = self._wires[protocol].annotate(direction, window, self._methods)
        found = [span for field in placed(named, spans, 0) if field.secret for span in field.spans]
        if sum(length for _, length in found) < expected:
            found = list(spans)
        held.masked += found


def secret_bytes(event: Head | Variables | Values) -> int:
    """How long the secret values are, together; 0 if there is none."""
    pairs = event.headers if isinstance(event, Head) else event.pairs
    own = b"secret" if isinstance(event, Values) else None  # AJP's attribute, the front's password
    return sum(len(value) for name, value in pairs if _secret(name) or name == own)
