"""Keep secrets out of recordings: their bytes become `*`.

    masking = Masking(codecs, out)      a callback of the relay; it passes the entries on to `out`

The traffic never waits, only the writing: bytes are held back while a header block is incomplete
(Conversation.settled), and passed on with the time at which they came. Where a header block has a secret, the annotated
fields tell where it lies. Without a secret nothing is annotated.

What trips people up: nothing may leak. From the first message that breaks the protocol on, or in a protocol without a
decoder, all bytes are masked. So is a header block without an end. `why` of the connection tells it. If the fields name
fewer secret bytes than the decoder has seen, the whole message is masked. (`zoo wire` masks one exchange, and less:
view/mask_exchange.py.)
"""

import math
import re
from collections.abc import Callable
from functools import lru_cache

from msgspec.structs import replace

from gateway_zoo.wire import fields, secrets
from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.conversation import Conversation, ProtocolEvent
from gateway_zoo.wire.events import Abort, Begin, Data, End, Event, Head, Other, Values, Variables, method_of
from gateway_zoo.wire.fields import Span, placed
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Ended, Opened

LONGEST = 1 << 18  # bytes that wait for the variables of a request that has begun
#: Needs no decoder: a complete header block of an ordinary answer without a secret's name, then its body. CGI's lasts
#: as long as the connection; HTTP's must have a length, and must exist (RFC 9110 6.4.1).
ORDINARY = {
    "HTTP": re.compile(rb"HTTP/1\.[01] [2-5]\d\d [^\r\n]*\r\n(?:[!#-'*+.0-9A-Z^-z|~-]+:[^\r\n]*\r\n)*\r\n"),
    "CGI": re.compile(rb"(?:[!#-'*+.0-9A-Z^-z|~-]+:[^\r\n]*\r?\n)+\r?\n"),
}
LENGTH = re.compile(rb"\r\nContent-Length: *(\d{1,18})\r\n", re.IGNORECASE)
BODILESS = re.compile(rb"HTTP/1\.[01] [23]04 ")
Out = Callable[[AnyEntry], object]
_secret = lru_cache(maxsize=1024)(secrets.secret)  # the same few names in every request


class Masking:
    """A callback for Relay. Takes entries, passes them on without secrets."""

    def __init__(self, codecs: Codecs, out: Out) -> None:
        self._codecs, self._out = codecs, out
        self._connections: dict[int, _Connection] = {}
        self._inner_protocol: dict[str, str] = {}

    def inner_protocol(self, protocol: str) -> str:
        """The protocol of which a response of this one consists (uwsgi's is HTTP); empty if it has bytes of its own."""
        if protocol not in self._inner_protocol:
            known = protocol in self._codecs
            streams = self._codecs[protocol].annotate("response", secrets.MASK).streams if known else []
            self._inner_protocol[protocol] = streams[0].protocol if streams and streams[0].spans == ((0, 1),) else ""
        return self._inner_protocol[protocol]

    def __call__(self, entry: AnyEntry) -> None:
        if isinstance(entry, Bytes):
            self._connections[entry.connection].take_bytes(entry)
        elif isinstance(entry, Ended):
            self._connections[entry.connection].end(entry)
        elif isinstance(entry, Closed):
            self._connections.pop(entry.connection).close(entry)
        else:
            if isinstance(entry, Opened):
                self._connections[entry.connection] = _Connection(
                    self._codecs, entry, self._out, self.inner_protocol(entry.protocol)
                )
            self._out(entry)


class _Held:
    """The bytes of one direction that are held back. `start`: offset of the first of them; `end`: behind the last."""

    def __init__(self) -> None:
        self.start = self.end = 0
        self.pieces: list[Bytes] = []
        self.masked: list[Span] = []
        self.begun: dict[int, int] = {}  # FastCGI: id -> offset of a request whose variables are incomplete
        #: (request id, stream) -> bytes of the inner protocol so far, and its pieces that are held: (offset, data)
        self.inside: dict[tuple[int, str], tuple[int, list[tuple[int, bytes]]]] = {}

    def free(self, settled: int) -> int:
        """Offset up to which bytes may be passed on. A request is held from its beginning: fields need it."""
        begun = min(self.begun.values(), default=settled)
        return min(settled, begun) if self.end - begun < LONGEST else settled

    def data(self) -> bytes:
        return self.pieces[0].data if len(self.pieces) == 1 else b"".join(piece.data for piece in self.pieces)

    def release(self, until: int, out: Out) -> None:
        """Pass on the bytes before `until`, masked."""
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
    def __init__(self, codecs: Codecs, opened: Opened, out: Out, inner_protocol: str) -> None:
        self._codecs, self._out, self._protocol = codecs, out, opened.protocol
        self._conversation = Conversation(codecs, opened.protocol) if opened.protocol in codecs else None
        self._held: dict[Direction, _Held] = {"request": _Held(), "response": _Held()}
        self._inner_protocol = inner_protocol
        self._plain: float | None = None  # bytes of an ordinary answer that are to come
        self._methods: list[bytes] = []  # of the requests without an answer
        self._stream = (0, "")  # the inner stream with the last bytes
        self._unread = False  # bytes were masked because they could not be decoded

    def take_bytes(self, entry: Bytes) -> None:
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
        if self._conversation is None:
            self._mask_all(held)
            return
        for decoded in self._conversation.feed(entry.direction, entry.data):
            if decoded.protocol == self._protocol:
                self._mask_outer(entry.direction, held, decoded.event)
            else:
                self._mask_inner(entry.direction, held, decoded)
        if entry.direction in self._conversation.errors:
            held.release(min(self._conversation.settled(entry.direction), held.end), self._out)
            self._mask_all(held)
        else:
            held.release(held.free(self._conversation.settled(entry.direction)), self._out)

    def _ordinary(self, data: bytes) -> float | None:
        """How many bytes from here on need no decoder; None if the decoder must read them."""
        head = ORDINARY[self._inner_protocol].match(data) if self._inner_protocol in ORDINARY else None
        if not head or secrets.NAME.search(data, 0, head.end()):
            return None
        if self._inner_protocol == "CGI":
            return math.inf
        length = LENGTH.findall(data, 0, head.end())
        if len(length) != 1 or b"HEAD" in self._methods or BODILESS.match(data):
            return None
        return head.end() + int(length[0])

    def end(self, entry: Ended) -> None:
        """Mask what is held: the end of its header block never comes."""
        if self._conversation and not (self._plain is not None and entry.direction == "response"):
            self._conversation.close(entry.direction)
        self._mask_all(self._held[entry.direction])
        self._out(entry)

    def close(self, entry: Closed) -> None:
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

    def _mask_outer(self, direction: Direction, held: _Held, event: Event) -> None:
        """Note an event of the connection's own protocol, and mask the secrets that it tells of.

        Three things hold after each event, and the rest relies on them:
        - `held.begun` has the requests whose variables are incomplete: up to LONGEST bytes of them wait (`_Held.free`);
        - `held.inside` has the bytes of each open inner stream that are still held, with their offsets outside;
        - `held.masked` covers every secret of the header blocks that are complete. A complete block is passed on only
          after the event that tells of it, so never without its stars.
        """
        if isinstance(event, Begin):
            held.begun[event.id] = event.offset
        elif isinstance(event, Data):
            inner = self._codecs[self._protocol].INNER.get(event.stream)
            if inner and inner not in self._codecs:
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
            start = max(event.offset, held.start)  # no decoder reads its content: it may be anything
            held.masked.append((start, held.end - start))

    def _mask_inner(self, direction: Direction, held: _Held, decoded: ProtocolEvent) -> None:
        """Mask the secrets of a header block of the inner protocol: named in its own stream, then placed outside."""
        if not isinstance(decoded.event, (Head, Variables)) or not (expected := secret_bytes(decoded.event)):
            return
        count, pieces = held.inside[self._stream]
        skip = max(0, decoded.event.offset - (count - sum(len(data) for _, data in pieces)))
        spans = []
        for offset, data in pieces:
            if skip < len(data):
                spans.append((offset + skip, len(data) - skip))
            skip = max(0, skip - len(data))
        window = fields.cut(held.data(), [(offset - held.start, length) for offset, length in spans])
        self._mask(held, decoded.protocol, direction, window, tuple(spans), expected)

    def _mask(
        self, held: _Held, protocol: str, direction: Direction, window: bytes, spans: tuple[Span, ...], expected: int
    ) -> None:
        """Mask the secrets of the first header block in `window`, whose bytes lie in `spans`."""
        named, _ = self._codecs[protocol].annotate(direction, window, self._methods)
        secret_spans = [span for field in placed(named, spans, 0) if field.secret for span in field.spans]
        if sum(length for _, length in secret_spans) < expected:
            secret_spans = list(spans)
        held.masked += secret_spans


def secret_bytes(event: Head | Variables | Values) -> int:
    """The length of all secret values together; 0 if there is none."""
    pairs = event.headers if isinstance(event, Head) else event.pairs
    own = b"secret" if isinstance(event, Values) else None  # AJP's attribute, the front's password
    return sum(len(value) for name, value in pairs if _secret(name) or name == own)
