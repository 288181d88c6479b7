"""`zoo replay FILE`: the requests of a recording once more, straight to a gateway's socket. Same status, same body?
Where not: what differs, and from which byte (difference.py).

To the exhibit that a request was recorded from it goes byte by byte. To another one it is taken apart (variables and
body), told the other's place (SCRIPT_NAME, REQUEST_URI and what its front says besides) and put together again in the
other's protocol.

What trips people up: secrets are masked in most recordings, and what is sent then is the mask. A status page says
another process each time; whoever wants equal bodies asks for `hello`.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from gateway_zoo.errors import fail, known_ids, printable
from gateway_zoo.keeper import privileges, state
from gateway_zoo.registry.cagefile import Exhibit
from gateway_zoo.registry.cages import Registry, load
from gateway_zoo.safe_io import bounded_file
from gateway_zoo.settings import Settings
from gateway_zoo.terminal.messages import print_json
from gateway_zoo.wire.ask import client, direct
from gateway_zoo.wire.ask.request import FRONT, ClientRequest, variables
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.conversation import Conversation
from gateway_zoo.wire.events import Data, Head, Pairs, Variables
from gateway_zoo.wire.exchanges import KEEP_ONE, Exchange, Exchanges
from gateway_zoo.wire.faults import CannotEncode
from gateway_zoo.wire.recorder import difference
from gateway_zoo.wire.recorder.difference import Answer
from gateway_zoo.wire.recording import AnyEntry, BadRecording, read
from gateway_zoo.wire.view.mask_exchange import without_seen

MOST = 1_000_000
#: Where the recorded request was: the new place has its own.
OF_THE_PLACE = {
    *(b"SCRIPT_NAME", b"PATH_INFO", b"REQUEST_URI", b"QUERY_STRING", b"SCRIPT_FILENAME", b"PATH_TRANSLATED"),
    *(b"DOCUMENT_ROOT", b"DOCUMENT_URI", b"GATEWAY_INTERFACE", b"CONTENT_LENGTH"),
}
#: nginx tells these two twice, to uwsgi as to the others; a header of HTTP must not stand twice.
TWICE = {b"HTTP_CONTENT_LENGTH", b"HTTP_CONTENT_TYPE"}
#: Of one connection only (RFC 9110 7.6.1).
HOP_BY_HOP = {b"HTTP_CONNECTION", b"HTTP_KEEP_ALIVE", b"HTTP_TRANSFER_ENCODING", b"HTTP_TE", b"HTTP_UPGRADE"}


ReplayAnswer = Answer


def run(settings: Settings, file: str, only: list[int], to: str, as_json: bool) -> int:
    """Exit 1: some answers were others than recorded. 2: no recording. 3: nobody there."""
    registry = load(settings.root)
    known_ids([to] if to else [], list(registry.exhibits))
    codecs = Codecs(registry)
    entries = _entries(file)
    found = Exchanges(codecs, MOST, keep=lambda number: KEEP_ONE if number in only or not only else 0)
    found.feed(next(entries))
    settings.only_natively("replay asks a zoo that ./zoo up has started; in containers zoo wire asks a gateway")
    if not state.running(settings):
        fail("the zoo is not running; ./zoo up starts it", 3)
    if why := direct.closed(settings, registry, to):
        fail(why, 3)
    privileges.become_owner(settings)
    rows = []
    for exchange in to_ask(found, entries, only, file):
        again = _again(settings, registry, codecs, exchange, to)
        rows.append(row := compared(exchange, to or exchange.exhibit, again))
        if not as_json:
            said = "{number}: {method} {target} to {to}: {said}".format(said=_said(row), **row)
            print(printable(said), flush=True)
    if as_json:
        print_json(sorted(rows, key=lambda row: int(row["number"])))
    else:
        print(f"{sum(row['same'] for row in rows)} of {len(rows)} as recorded")
    return int(not all(row["same"] for row in rows))


def _entries(file: str) -> Iterator[AnyEntry]:
    try:
        yield from read(bounded_file.lines(file), file)
    except OSError as error:
        fail(f"{file}: {bounded_file.why(error)}; expected a recording", 2)
    except BadRecording as error:
        fail(str(error), 2)


def to_ask(found: Exchanges, entries: Iterable[AnyEntry], only: list[int], file: str) -> Iterator[Exchange]:
    """Each as soon as it is over, and then it is forgotten: a recording may be large. If only some are wanted: these,
    when all of them have been found."""
    for entry in entries:
        for exchange in found.feed(entry):
            if exchange.over and not only:
                yield exchange
                del found.all[exchange.number]
    for number in only:
        if number not in found.all:
            fail(f"{file}: no exchange {number}; there are {len(found.all)}", 2)
    yield from [exchange for number, exchange in found.all.items() if number in only or not only]


def _again(
    settings: Settings, registry: Registry, codecs: Codecs, exchange: Exchange, to: str
) -> tuple[ReplayAnswer, ReplayAnswer] | str:
    """What was said then, and what now; or why it could not be asked."""
    id = to or exchange.exhibit
    if id not in registry.exhibits or registry.socket_protocol(id) == "none":
        return f"{id} has no socket in this zoo"
    if not exchange.request:
        return "no request is in the recording"
    too_large = exchange.request_left_out or exchange.response_left_out
    if too_large or exchange.protocol not in codecs:
        return f"larger than {KEEP_ONE:,} bytes" if too_large else f"nobody reads {exchange.protocol}"
    protocol = registry.socket_protocol(id)
    try:
        if id == exchange.exhibit and protocol == exchange.protocol:
            request = bytes(exchange.request)
        else:
            request = codecs[protocol].request(*adapted(settings, registry, codecs, exchange, id))
        answer = client.ask(codecs, _address(settings, registry.exhibits[id]), request, protocol, id, FRONT)
    except (CannotEncode, LookupError) as error:
        return f"{protocol} cannot say this: {error}"
    except OSError as error:
        return f"{id} does not answer: {error.strerror or error}"
    return said_in(codecs, exchange), said_in(codecs, answer)


def _address(settings: Settings, exhibit: Exhibit) -> client.Address:
    if exhibit.unix:
        return client.Address(path=str(settings.sockets / exhibit.unix))
    return client.address(settings.tcp(exhibit.id, exhibit.tcp))


def adapted(settings: Settings, registry: Registry, codecs: Codecs, exchange: Exchange, to: str) -> tuple[Pairs, bytes]:
    """Variables and body of a recorded request, told to be at another exhibit. Raises LookupError without a head."""
    talk, given, body = Conversation(codecs, exchange.protocol), Pairs(), bytearray()
    for _, event in talk.feed("request", bytes(exchange.request)):
        if isinstance(event, Variables):
            given = event.pairs
        elif isinstance(event, Head) and event.start:  # HTTP's trailers have none
            given = as_variables(event)
        elif isinstance(event, Data):
            body += event.data
    if not given:
        raise LookupError("no whole request is in the recording")
    values = dict(given)
    asked = ClientRequest(_path(registry, exchange, values), exchange.method, bytes(body) if body else None)
    pairs = variables(asked, direct.place(settings, registry, to, asked))
    mine = {name: value for name, value in values.items() if name not in OF_THE_PLACE | TWICE | HOP_BY_HOP}
    kept = [(name, mine.pop(name, value)) for name, value in pairs]
    return kept + list(mine.items()), bytes(body)


def _path(registry: Registry, exchange: Exchange, values: dict[bytes, bytes]) -> str:
    """Path and query below the exhibit."""
    uri = values.get(b"REQUEST_URI") or values.get(b"SCRIPT_NAME", b"") + values.get(b"PATH_INFO", b"")
    target = uri.decode("utf-8", "surrogateescape")
    recorded = registry.exhibits.get(exchange.exhibit)
    return target if recorded and recorded.front_strips_prefix else target.removeprefix(f"/{exchange.exhibit}") or "/"


def as_variables(head: Head) -> Pairs:
    """The head of an HTTP or AJP request as meta-variables (RFC 3875 4.1.18)."""
    method, _, rest = head.start.partition(b" ")
    target = rest.rpartition(b" ")[0] or rest
    pairs: Pairs = [(b"REQUEST_METHOD", method), (b"REQUEST_URI", target)]
    for name, value in head.headers:
        variable = name.upper().replace(b"-", b"_")
        pairs.append((variable if variable.startswith(b"CONTENT_") else b"HTTP_" + variable, value))
    return pairs


def said_in(codecs: Codecs, exchange: Exchange) -> ReplayAnswer:
    """Status, headers and body of an answer; of a WebSocket's the frames."""
    talk = Conversation(codecs, exchange.protocol)
    talk.feed("request", bytes(exchange.request))
    said = talk.feed("response", bytes(exchange.response)) + talk.close("response")
    pieces = [event.data for _, event in said if isinstance(event, Data) and event.stream in ("body", "WebSocket")]
    headers = [pair for _, event in said if isinstance(event, Head) for pair in event.headers]
    return ReplayAnswer(exchange.status, b"".join(pieces), exchange.errors, headers)


def compared(exchange: Exchange, to: str, again: tuple[ReplayAnswer, ReplayAnswer] | str) -> dict[str, Any]:
    """A row for one exchange. `same`: status and body are, and neither answer broke off. Headers are only told: each
    server adds its own."""
    row: dict[str, Any] = {"number": exchange.number, "method": exchange.method, "target": exchange.target}
    row |= {"exhibit": exchange.exhibit, "to": to, "recorded": exchange.status, "status": None, "same": False}
    if isinstance(again, str):
        return row | {"same_body": None, "headers": [], "body": None, "errors": [], "why": again}
    then, now = again
    body, headers = difference.body(then.body, now.body), difference.headers(then.headers, now.headers)
    same = body is None and then.status == now.status and bool(then.errors) == bool(now.errors)
    row |= {"status": now.status, "same": same, "same_body": body is None}
    row |= {"headers": [msgspec.to_builtins(header) for header in headers], "body": msgspec.to_builtins(body)}
    return row | {"errors": [without_seen(error) for error in now.errors], "why": None}


def _said(row: dict[str, Any]) -> str:
    """What differs. Headers of another server are no news: they are told where the exhibit is the recorded one."""
    if row["why"]:
        return str(row["why"])
    then, now = ("none" if row[which] is None else row[which] for which in ("recorded", "status"))
    status = "same status" if now == then else f"status {now}, not {then}"
    body = difference.Body(**row["body"]) if row["body"] else None
    headers = [difference.Header(**each) for each in row["headers"]] if row["to"] == row["exhibit"] else []
    said = difference.sentences(headers, body) if body else ["same body", *difference.sentences(headers, None)]
    return "; ".join([f"{status}, {said[0]}", *said[1:], *row["errors"]])
