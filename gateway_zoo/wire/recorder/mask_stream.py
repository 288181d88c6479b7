"""Keep secrets out of recordings: their bytes become `*`.

    masking = Masking(codecs, out)      a callback of the relay; it passes the entries on to `out`

The traffic never waits, only the writing: bytes are held back while a header block is incomplete
(Conversation.settled), and passed on with the time at which they came. Where a header block has a secret, the annotated
fields tell where it lies. Without a secret nothing is annotated.

What trips people up: nothing may leak. A broken rule hides nothing, as long as the decoder goes on. Where a decoder
stops, all bytes that it should read next are masked: those of the connection, or of one stream inside it. A head that
it has read keeps its names; a head that it has not is masked, and so is one without an end. So are all bytes of a
protocol without a decoder. `why` of the connection tells it. If the fields name fewer secret bytes than the decoder has
seen, the whole message is masked. (`zoo wire` masks one exchange, and less: view/mask_exchange.py.)
"""

import math
import re
from collections.abc import Sequence
from functools import lru_cache

from msgspec.structs import replace

from gateway_zoo.wire import secrets
from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.conversation import Conversation, ProtocolEvent
from gateway_zoo.wire.events import (
    Abort,
    Begin,
    Breach,
    Data,
    End,
    Event,
    Fault,
    Head,
    Other,
    Problem,
    Values,
    Variables,
    method_of,
)
from gateway_zoo.wire.fields import Field, Span, displaced, placed
from gateway_zoo.wire.recorder.held import Doubt, Held, Lane, Out
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Ended, Opened

FRAME = 16  # bytes of a message around its content, at most
#: Needs no decoder: a complete header block of an ordinary answer without a secret's name, then its body. CGI's lasts
#: as long as the connection; HTTP's must have a length, and must exist (RFC 9110 6.4.1).
ORDINARY = {
    "HTTP": re.compile(rb"HTTP/1\.[01] [2-5]\d\d [^\r\n]*\r\n(?:[!#-'*+.0-9A-Z^-z|~-]+:[^\r\n]*\r\n)*\r\n"),
    "CGI": re.compile(rb"(?:[!#-'*+.0-9A-Z^-z|~-]+:[^\r\n]*\r?\n)+\r?\n"),
}
LENGTH = re.compile(rb"\r\nContent-Length: *(\d{1,18})\r\n", re.IGNORECASE)
BODILESS = re.compile(rb"HTTP/1\.[01] [23]04 ")
SPACES = b" \t\r\n"
_secret = lru_cache(maxsize=1024)(secrets.secret)  # the same few names in every request


class Masking:
    """A callback for Relay. Takes entries, passes them on without secrets."""

    def __init__(self, codecs: Codecs, out: Out) -> None:
        self._codecs, self._out = codecs, out
        self._connections: dict[int, _Connection] = {}
        self._inner_protocols: dict[str, list[str]] = {}

    def inner_protocols(self, protocol: str) -> list[str]:
        """The protocols of which a response of this one may consist; none if it has bytes of its own."""
        if protocol not in self._inner_protocols:
            inner = sorted(set(self._codecs[protocol].INNER.values())) if protocol in self._codecs else []
            own = bool(inner) and bool(self._codecs[protocol].annotate("response", secrets.MASK).fields)
            self._inner_protocols[protocol] = [] if own else inner
        return self._inner_protocols[protocol]

    def __call__(self, entry: AnyEntry) -> None:
        if isinstance(entry, Bytes):
            self._connections[entry.connection].take_bytes(entry)
        elif isinstance(entry, Ended):
            self._connections[entry.connection].end(entry)
        elif isinstance(entry, Closed):
            self._connections.pop(entry.connection).close(entry)
        else:
            if isinstance(entry, Opened):
                inner = self.inner_protocols(entry.protocol)
                self._connections[entry.connection] = _Connection(self._codecs, entry, self._out, inner)
            self._out(entry)


class _Connection:
    def __init__(self, codecs: Codecs, opened: Opened, out: Out, inner_protocols: list[str]) -> None:
        self._codecs, self._out, self._protocol = codecs, out, opened.protocol
        self._known = opened.protocol in codecs
        self._codes = codecs[opened.protocol].SECRET_CODES if self._known else ()
        self._readers: dict[Direction, Conversation] = {}
        if self._known:
            self._readers = dict.fromkeys(("request", "response"), Conversation(codecs, opened.protocol))
        self._held: dict[Direction, Held] = {"request": Held(opened.protocol), "response": Held(opened.protocol)}
        self._inner_protocols = inner_protocols
        self._plain: float | None = None  # bytes of an ordinary answer that are to come
        self._methods: list[bytes] = []  # of the requests without an answer
        self._unread = False  # bytes were masked because they could not be decoded

    def take_bytes(self, entry: Bytes) -> None:
        direction = entry.direction
        if direction == "response" and not self._held[direction].end:
            self._plain = self._ordinary(entry.data)
        if direction == "response" and self._plain is not None and not (entry := self._pass_plain(entry)).data:
            return
        held = self._held[direction]
        held.add(entry)
        if not self._known:
            self._mask_all(held)
            return
        self._follow_all(direction, held, self._readers[direction].feed(direction, entry.data))

    def _ordinary(self, data: bytes) -> float | None:
        """How many bytes from here on need no decoder; None if the decoder must read them."""
        heads = ((name, ORDINARY[name].match(data)) for name in self._inner_protocols if name in ORDINARY)
        name, head = next(((name, head) for name, head in heads if head), ("", None))
        if not head or secrets.NAME.search(data, 0, head.end()):
            return None
        if name == "CGI":
            return math.inf
        length = LENGTH.findall(data, 0, head.end())
        if len(length) != 1 or b"HEAD" in self._methods or BODILESS.match(data):
            return None
        return head.end() + int(length[0])

    def _pass_plain(self, entry: Bytes) -> Bytes:
        """Pass on the rest of an ordinary answer. Returns what stands behind it: for a decoder that begins there."""
        held, size = self._held["response"], int(min(self._plain or 0, len(entry.data)))
        plain = entry if size == len(entry.data) else replace(entry, data=entry.data[:size])
        if size:
            held.add(plain)
            held.release(held.end, self._out)
        self._plain = (self._plain or 0) - size
        if size < len(entry.data):
            self._plain = None
            self._readers["response"] = Conversation(self._codecs, self._protocol)
            self._held["response"] = Held(self._protocol)
        return replace(entry, data=entry.data[size:])

    def end(self, entry: Ended) -> None:
        """Mask what is held: the end of its header block never comes."""
        self._end(entry.direction)
        self._out(entry)

    def _end(self, direction: Direction) -> None:
        held = self._held[direction]
        if self._known and not (self._plain is not None and direction == "response"):
            reader = self._readers[direction]
            held.cut_off = not reader.faulty(direction)
            self._follow_all(direction, held, reader.close(direction))
        self._mask_all(held)

    def close(self, entry: Closed) -> None:
        for direction, held in self._held.items():
            if held.pieces:
                self._end(direction)
        notes = [entry.why] if entry.why else []
        for name in sorted({name for towards, reader in self._readers.items() if (name := reader.speaks(towards))}):
            notes.append(f"these bytes are {name}, not {self._protocol}")
        if self._unread:
            notes.append(f"what could not be read as {self._protocol} is masked (record with --secrets to see it)")
        self._out(replace(entry, why="; ".join(notes)))

    def _follow_all(self, direction: Direction, held: Held, events: list[ProtocolEvent]) -> None:
        held.broken = any(isinstance(decoded.event, Breach) for decoded in events)
        for decoded in events:
            self._follow(direction, held, decoded)
        self._pass_on(direction, held)

    def _pass_on(self, direction: Direction, held: Held) -> None:
        """Pass on what is settled."""
        reader, outer = self._readers[direction], held.outer
        settled = min(reader.settled(direction), held.end)
        if outer.stopped:
            self._mask_all(held)
        elif reader.faulty(direction):
            outer.stopped = True
            read = reader.read(direction)
            held.cut_off = held.cut_off and settled == read and (read > 0 or direction == "response")
            if (held.begun or held.inside) and not held.cut_off:  # several messages at the same time
                held.release(settled, self._out)
                self._mask_all(held)
            else:
                self._mask_unread(direction, held, outer, settled)
                held.release(held.end, self._out)
        else:
            self._mask_doubt(direction, held, outer, settled)
            for _, lane in held.inside.values():
                self._mask_doubt(direction, held, lane, lane.count)
            held.release(held.free(settled), self._out)

    def _mask_all(self, held: Held) -> None:
        if held.pieces:
            self._unread = True
            held.masked.append((held.start, held.end - held.start))
            held.release(held.end, self._out)

    def _follow(self, direction: Direction, held: Held, decoded: ProtocolEvent) -> None:
        """Note an event, and mask the secrets that it tells of, or the bytes that no event can tell of."""
        event, lane = decoded.event, held.lane(decoded.stream)
        if lane is None:
            return
        if isinstance(event, Problem):
            if isinstance(event, Breach) and lane is held.outer and event.id in held.begun:
                self._mask(direction, held, lane, held.begun[event.id], 0)  # variables that no event tells
            if isinstance(event, Fault) and not self._readers[direction].faulty(direction, decoded.stream):
                lane.doubt = lane.doubt or Doubt(event.offset)
            elif isinstance(event, Fault) and lane is not held.outer:
                lane.stopped = True
                self._mask_unread(direction, held, lane, 0)
            return
        self._mask_doubt(direction, held, lane, event.offset)
        lane.doubt = None
        lane.note(event)
        if lane is held.outer:
            self._mask_outer(direction, held, event, asked=decoded.asked)
        elif isinstance(event, (Head, Variables)) and ((expected := secret_bytes(event)) or held.broken):
            self._mask(direction, held, lane, event.offset, expected)

    def _mask_outer(self, direction: Direction, held: Held, event: Event, *, asked: bool) -> None:
        """Note an event of the connection's own protocol, and mask the secrets that it tells of.

        Three things hold after each event, and the rest relies on them:
        - `held.begun` has the requests whose variables are incomplete: up to LONGEST bytes of them wait (`Held.free`);
        - `held.inside` has the bytes of each open inner stream that are still held;
        - `held.masked` covers every secret of the header blocks that are complete. A complete block is passed on only
          after the event that tells of it, so never without its stars.
        """
        if isinstance(event, Begin):
            held.begun[event.id] = event.offset
        elif isinstance(event, Data):
            self._add_inside(held, event)
        elif isinstance(event, (Head, Variables, Values)):
            if direction == "request" and (method := method_of(event)):
                self._methods.append(method)
            if (expected := secret_bytes(event)) or held.broken:
                self._mask(direction, held, held.outer, held.begun.get(event.id, event.offset), expected)
            held.begun.pop(event.id, None)
        elif isinstance(event, Abort):
            held.begun.pop(event.id, None)
        elif isinstance(event, End):
            held.begun.pop(event.id, None)
            if direction == "response" and asked:
                del self._methods[:1]
            for key in [key for key in held.inside if key[0] == event.id]:
                del held.inside[key]
        elif isinstance(event, Other) and event.data:
            self._mask_message(direction, held, event)

    def _add_inside(self, held: Held, event: Data) -> None:
        """Note bytes of an inner protocol. Without a decoder, or behind its fault, they are masked."""
        inner, key = self._codecs[self._protocol].INNER.get(event.stream), (event.id, event.stream)
        if not inner:
            return
        _, lane = held.inside.setdefault(key, (event.offset, Lane(inner)))
        lane.add(event.offset, len(event.data))
        if lane.stopped or inner not in self._codecs:
            self._unread = True
            held.masked.append((event.offset, len(event.data)))

    def _mask_message(self, direction: Direction, held: Held, event: Other) -> None:
        """Mask the content of a message that no decoder reads. It may be anything; in an answer only the name of a
        secret makes it one."""
        if direction == "response" and not secrets.names(self._codes).search(event.data):
            return
        start = max(event.offset, held.start)
        window = held.cut([(start, min(held.end - start, len(event.data) + FRAME))])
        first, last = window.find(event.data), window.rfind(event.data)
        if first < 0:
            held.masked.append((start, held.end - start))
        else:
            held.masked.append((start + first, last + len(event.data) - first))

    def _mask_doubt(self, direction: Direction, held: Held, lane: Lane, end: int) -> None:
        """Mask what stands behind a secret's name in the bytes before `end` that no event has told of."""
        if lane.doubt and end > lane.doubt.at:
            data = held.cut(lane.spans(lane.doubt.at, end))
            hidden = [lane.doubt.hidden(data, self._codes)]
            if hidden[0][1]:
                named = self._codecs[lane.protocol].annotate(direction, data, self._methods).fields
                hidden = lane.doubt.within(data, named, self._codes) or hidden
            for first, length in hidden:
                held.masked += lane.spans(end - len(data) + first, end - len(data) + first + length)
            lane.doubt.at = end

    def _mask_unread(self, direction: Direction, held: Held, lane: Lane, settled: int) -> None:
        """Mask what a decoder that has stopped did not read. If a head is the last that it has read, or the end cuts
        off the message, fields tell what may be shown."""
        start = max(lane.read, settled)
        spans = lane.spans(start, lane.count)
        window = held.cut(spans)
        unread: list[Span] = [(start, lane.count - start)]
        if ((held.cut_off and lane is held.outer) or (lane.head and start == lane.read)) and len(
            window
        ) == lane.count - start:
            named = self._codecs[lane.protocol].annotate(direction, window, self._methods).fields
            unread = [(start + offset, length) for offset, length in unread_spans(window, named, self._codes)]
        for offset, length in unread:
            self._unread |= length > 0
            held.masked += lane.spans(offset, offset + length)

    def _mask(self, direction: Direction, held: Held, lane: Lane, start: int, expected: int) -> None:
        """Mask the secrets of the header block that begins at `start` of a lane."""
        spans = tuple(lane.spans(start, lane.count))
        window = held.cut(spans)
        named, _ = self._codecs[lane.protocol].annotate(direction, window, self._methods)
        moved = [Field(*span, "", secret=True) for span in displaced(named, window)] if held.broken else []
        secret_spans = [span for field in placed([*named, *moved], spans, 0) if field.secret for span in field.spans]
        if _size(held.cut(secret_spans)) < expected:
            secret_spans = list(spans)
        held.masked += secret_spans


def unread_spans(data: bytes, fields: Sequence[Field], codes: tuple[bytes, ...]) -> list[Span]:
    """The bytes that no field names, or one with a fault; the secrets; and all behind a name without its secret."""
    shown = bytearray(secrets.MASK * len(data))
    for field, after in zip(fields, [*fields[1:], None], strict=False):
        for offset, length in field.spans:
            if not field.fault:
                shown[offset : offset + length] = data[offset : offset + length]
            elif after is None or after.depth <= field.depth:
                shown[offset : offset + length] = secrets.MASK * length
    masked = secrets.masked(bytes(shown), [span for field in fields if field.secret for span in field.spans])
    rest = secrets.rest(masked, codes, read=True)
    if rest is not None:
        masked = masked[:rest] + secrets.MASK * (len(data) - rest)
    differs = bytes(shown != there for shown, there in zip(masked, data, strict=True))
    return [(run.start(), run.end() - run.start()) for run in re.finditer(rb"\x01+", differs)]


def secret_bytes(event: Head | Variables | Values) -> int:
    """The length of all secret values together, without their spaces; 0 if there is none."""
    pairs = event.headers if isinstance(event, Head) else event.pairs
    own = b"secret" if isinstance(event, Values) else None  # AJP's attribute, the front's password
    return sum(_size(value) for name, value in pairs if _secret(name) or name == own)


def _size(data: bytes) -> int:
    """Bytes that are no spaces: a header that goes on in another line is joined with one."""
    return len(data.translate(None, SPACES))
