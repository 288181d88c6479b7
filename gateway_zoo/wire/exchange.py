"""One request and its answer: the record of them, its JSON, and the fields of its bytes."""

import dataclasses
import re
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway_zoo.wire import conversation, secrets
from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.conversation import Findings, ProtocolEvent
from gateway_zoo.wire.events import (
    Breach,
    Fault,
    Head,
    Problem,
    Variables,
    request_line,
    status_of,
)
from gateway_zoo.wire.fields import Field

KEEP = 1 << 20  # bytes of a direction that an exchange keeps in a list of many
KEEP_ONE = 1 << 26  # bytes that the only exchange of a view keeps
#: In the text of a problem. FastCGI's STDOUT and a WebSocket begin later than the connection, and count from there.
AT = re.compile(r"at offset \d+")
MOST_PROBLEMS = 50  # of an exchange, and of a direction: a peer may break a rule in each byte

Fields = tuple[list[Field], list[Field]]  # of the request, of the response


@dataclass
class Exchange:
    """One request and its answer. `began`: unix time; `seconds`: time to the last byte, None while it is open."""

    number: int
    connection: int
    exhibit: str
    front: str
    protocol: str
    began: float
    seconds: float | None = None
    over: bool = False  # both directions are complete
    method: str = ""
    target: str = ""
    status: int | None = None
    request: bytearray = field(default_factory=bytearray)
    response: bytearray = field(default_factory=bytearray)
    request_left_out: int = 0  # bytes that crossed, and are not kept
    response_left_out: int = 0
    body_bytes: dict[Direction, int] = field(default_factory=dict)  # also those that are not kept
    faulty: set[Direction] = field(default_factory=set)  # the bytes that are kept break a rule of the protocol
    heads: set[Direction] = field(default_factory=set)  # the head of the message is read
    #: Decoders that have stopped: None for the outer one, else the place of the inner one's first byte.
    stopped: dict[Direction, set[int | None]] = field(default_factory=dict)
    #: Messages outside the request that name a secret: offset, and bytes of the content.
    unread_secrets: dict[Direction, set[tuple[int, int]]] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)  # bytes that are missing, surplus, not asked for, or unreadable
    warnings: list[str] = field(default_factory=list)  # broken rules that leave the answer whole
    findings: Findings = field(default_factory=lambda: Findings({"request": [], "response": []}, {}, []))
    starts: dict[Direction, int] = field(default_factory=dict)  # offset of the first byte on the connection
    final: bool = False  # another exchange follows on the connection, or it is closed
    #: The last such message, and the end of its content.
    _unread: dict[Direction, tuple[tuple[int, int], bytes]] = field(default_factory=dict, repr=False)

    def left_out(self, direction: Direction) -> int:
        return self.request_left_out if direction == "request" else self.response_left_out

    def kept(self, direction: Direction) -> bytearray:
        return self.request if direction == "request" else self.response

    def size(self, direction: Direction) -> int:
        """Count the bytes that crossed."""
        return len(self.kept(direction)) + self.left_out(direction)

    def copy(self) -> "Exchange":
        """A copy to read in another thread, while more bytes come."""
        copied = dataclasses.replace(self, request=self.request[:], response=self.response[:])
        return dataclasses.replace(copied, errors=self.errors[:], warnings=self.warnings[:])

    def give_back(self, direction: Direction, size: int) -> bytes:
        """Remove the last bytes: the next message has begun in them, and it was known only later."""
        kept = self.kept(direction)
        if not 0 < size <= len(kept) or self.left_out(direction):
            return b""
        first = len(kept) - size
        late = bytes(kept[first:])
        del kept[first:]
        return late

    def note_problem(self, direction: Direction, told: ProtocolEvent, problem: Problem, start: int, kept: int) -> None:
        """Note a problem. `start`: offset of this exchange on the connection; `kept`: the bytes that are kept."""
        stream = told.stream
        at = (stream if stream is not None else problem.offset) - start
        texts = self.warnings if isinstance(problem, Breach) else self.errors
        if len(texts) < MOST_PROBLEMS:
            texts.append(AT.sub(rf"\g<0> of {told.protocol}", problem.error, count=1) if stream else problem.error)
        elif len(texts) == MOST_PROBLEMS:
            texts.append("and more of this kind")
        if isinstance(problem, Fault) and at <= kept:
            self.faulty.add(direction)
        problems = self.findings.problems[direction]
        if len(problems) < MOST_PROBLEMS:
            placed = problem if stream is not None else replace(problem, offset=at)
            problems.append((None if stream is None else at, placed))

    def note_unread(self, direction: Direction, at: int, data: bytes, codes: tuple[bytes, ...]) -> None:
        """Search a message that is part of no request for a secret's name. Two messages may share the name."""
        message = at, len(data)
        before, end = self._unread.get(direction, (message, b""))
        if match := secrets.names(codes).search(end + data):
            shared = {before} if match.start() < len(end) else set()
            self.unread_secrets[direction] = self.unread_secrets.get(direction, set()) | shared | {message}
        self._unread[direction] = message, (end + data)[-secrets.LONGEST :]


def summary(exchange: Exchange) -> dict[str, Any]:
    """A row of a list, for JSON. `request` and `response` are sizes in bytes."""
    row = {name: getattr(exchange, name) for name in _NAMES}
    return row | {"request": exchange.size("request"), "response": exchange.size("response")}


_NAMES = "number connection exhibit front protocol began seconds method target status errors warnings".split()


def whole(exchange: Exchange, fields: Fields) -> dict[str, Any]:
    """The exchange for JSON, with its bytes (hexadecimal) and the fields of both directions."""
    return summary(exchange) | {
        "request": _side(exchange.request, exchange.request_left_out, fields[0]),
        "response": _side(exchange.response, exchange.response_left_out, fields[1]),
    }


def _side(data: bytearray, left_out: int, fields: list[Field]) -> dict[str, Any]:
    return {"bytes": data.hex(), "left_out": left_out, "fields": msgspec.to_builtins(fields)}


def fields_of(exchange: Exchange, codecs: Codecs) -> Fields:
    """Fields of both directions. Where bytes are not kept, the missing end is no fault."""
    findings = replace(exchange.findings, methods=[exchange.method.encode("latin-1")] if exchange.method else [])
    request, response = conversation.annotate(
        codecs, exchange.protocol, bytes(exchange.request), bytes(exchange.response), findings
    )
    return _without_cuts(exchange, "request", request), _without_cuts(exchange, "response", response)


def _without_cuts(exchange: Exchange, direction: Direction, fields: list[Field]) -> list[Field]:
    if not exchange.left_out(direction) or direction in exchange.faulty:
        return fields
    end = len(exchange.kept(direction))
    return [replace(f, fault=False) if f.fault and max(map(sum, f.spans)) == end else f for f in fields]


def describe(exchange: Exchange, direction: Direction, event: Head | Variables) -> None:
    """Take method, target or status from a head."""
    if direction == "response":
        exchange.status = status_of(event) if isinstance(event, Head) else exchange.status
    elif isinstance(event, Variables):
        variables = dict(event.pairs)
        exchange.method = _text(variables.get(b"REQUEST_METHOD", b""))
        path = variables.get(b"SCRIPT_NAME", b"") + variables.get(b"PATH_INFO", b"")
        exchange.target = _text(variables.get(b"REQUEST_URI", b"") or path)
    else:
        exchange.method, exchange.target = map(_text, request_line(event.start))


def _text(data: bytes) -> str:
    return data.decode("latin-1")
