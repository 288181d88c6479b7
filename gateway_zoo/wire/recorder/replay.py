"""`zoo replay FILE`: send recorded requests again, and compare.

The exhibit from which a request was recorded gets the same bytes. For another exhibit the request is decoded (variables
and body), gets the other's variables of place (SCRIPT_NAME, REQUEST_URI and what its front adds), and is encoded in the
other's protocol. difference.py tells where status and body differ.

A gateway that is not the zoo's (`--to fastcgi:unix:/run/php.sock`) gets the same bytes if the protocol is the same,
else all recorded variables: nothing else is known of it. Then no zoo needs to run.

What trips people up: secrets are masked in most recordings; then the mask is sent. A status page names another process
each time; `hello` has the same body each time.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from gateway_zoo.errors import fail, printable
from gateway_zoo.keeper import privileges, state
from gateway_zoo.registry.cages import Registry, load
from gateway_zoo.safe_io import bounded_file
from gateway_zoo.settings import Settings
from gateway_zoo.terminal.messages import print_json
from gateway_zoo.wire.ask import client, direct, parties
from gateway_zoo.wire.ask.client import Address
from gateway_zoo.wire.ask.parties import Party
from gateway_zoo.wire.ask.request import FRONT, ClientRequest, Target, variables
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.conversation import Conversation
from gateway_zoo.wire.events import Data, Head, Pairs, Variables, request_line
from gateway_zoo.wire.exchange import KEEP_ONE, Exchange
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.faults import CannotEncode
from gateway_zoo.wire.recorder import difference
from gateway_zoo.wire.recorder.difference import ReplayAnswer
from gateway_zoo.wire.recording import AnyEntry, BadRecording, read
from gateway_zoo.wire.secrets import without_quotes

MOST = 1_000_000
#: Variables of the recorded place: the new place has its own.
PLACE_VARIABLES = {
    *(b"SCRIPT_NAME", b"PATH_INFO", b"REQUEST_URI", b"QUERY_STRING", b"SCRIPT_FILENAME", b"PATH_TRANSLATED"),
    *(b"DOCUMENT_ROOT", b"DOCUMENT_URI", b"GATEWAY_INTERFACE", b"CONTENT_LENGTH"),
}
#: nginx sends these two twice, in every protocol; HTTP must not have a header twice.
TWICE = {b"HTTP_CONTENT_LENGTH", b"HTTP_CONTENT_TYPE"}
#: Headers of one connection only (RFC 9110 7.6.1).
HOP_BY_HOP = {b"HTTP_CONNECTION", b"HTTP_KEEP_ALIVE", b"HTTP_TRANSFER_ENCODING", b"HTTP_TE", b"HTTP_UPGRADE"}


def run(settings: Settings, file: str, only: list[int], to: str, as_json: bool) -> int:
    """Replay and print. Returns 1 if an answer differs. Raises Stop: 2 for a file that is no recording, 3 without the
    zoo that is needed."""
    registry = load(settings.root)
    codecs = Codecs(registry)
    target = parties.party(to, registry, codecs, settings) if to else None
    if target and target.front:
        fail(f"--to {to}: a front makes its own variables and headers; expected ID or PROTOCOL:ADDRESS", 2)
    entries = _entries(file)
    recorded = Exchanges(codecs, MOST, keep=lambda number: KEEP_ONE if number in only or not only else 0)
    recorded.feed(next(entries))
    if not target or not target.address:
        _must_run(settings, registry, to)
    rows = []
    for exchange in to_replay(recorded, entries, only, file):
        if target and target.address:
            answers = _replay_to(codecs, exchange, target)
        else:
            answers = _replay(settings, registry, codecs, exchange, to)
        rows.append(row := compare(exchange, to or exchange.exhibit, answers))
        if not as_json:
            text = "{number}: {method} {target} to {to}: {result}".format(result=_sentence(row), **row)
            print(printable(text), flush=True)
    if as_json:
        print_json(sorted(rows, key=lambda row: int(row["number"])))
    else:
        print(f"{sum(row['same'] for row in rows)} of {len(rows)} as recorded")
    return int(not all(row["same"] for row in rows))


def _must_run(settings: Settings, registry: Registry, to: str) -> None:
    """Raise Stop if no zoo runs, or this exhibit is closed in it. Root becomes the zoo's user."""
    if not settings.compose and not state.running(settings):
        fail("the zoo is not running; ./zoo up starts it. A gateway without it: --to PROTOCOL:ADDRESS", 3)
    if why := direct.closed(settings, registry, to):
        fail(why, 3)
    privileges.become_owner(settings)


def _entries(file: str) -> Iterator[AnyEntry]:
    try:
        yield from read(bounded_file.lines(file), file)
    except OSError as error:
        fail(f"{file}: {bounded_file.why(error)}; expected a recording", 2)
    except BadRecording as error:
        fail(str(error), 2)


def to_replay(recorded: Exchanges, entries: Iterable[AnyEntry], only: list[int], file: str) -> Iterator[Exchange]:
    """Yield each exchange when nothing more can belong to it, and forget it: a recording may be large. With `only`,
    read all entries first, then yield these. Raises Stop for a number that does not exist."""
    for entry in entries:
        for exchange in recorded.feed(entry):
            if exchange.over and exchange.final and exchange.number in recorded.all and not only:
                yield exchange
                del recorded.all[exchange.number]
    for number in only:
        if number not in recorded.all:
            fail(f"{file}: no exchange {number}; there are {len(recorded.all)}", 2)
    yield from [exchange for number, exchange in recorded.all.items() if number in only or not only]


def _replay(
    settings: Settings, registry: Registry, codecs: Codecs, exchange: Exchange, to: str
) -> tuple[ReplayAnswer, ReplayAnswer] | str:
    """The recorded answer and the new one; or why the request could not be sent."""
    id = to or exchange.exhibit
    if id not in registry.exhibits:
        return f"{id} is no exhibit of this zoo; --to {exchange.protocol.lower()}:ADDRESS replays it to a gateway"
    if registry.socket_protocol(id) == "none":
        return f"{id} has no socket in this zoo"
    if why := _why_not(codecs, exchange):
        return why
    protocol = registry.socket_protocol(id)
    try:
        if id == exchange.exhibit and protocol == exchange.protocol:
            request = bytes(exchange.request)
        else:
            request = codecs[protocol].request(*adapt(settings, registry, codecs, exchange, id))
        answer = client.ask(codecs, direct.address_of(settings, registry.exhibits[id]), request, protocol, id, FRONT)
    except (CannotEncode, LookupError) as error:
        return f"{protocol} cannot say this: {error}"
    except OSError as error:
        return f"{id} does not answer: {error.strerror or error}"
    return answer_of(codecs, exchange), answer_of(codecs, answer)


def _replay_to(codecs: Codecs, exchange: Exchange, target: Party) -> tuple[ReplayAnswer, ReplayAnswer] | str:
    """The same for a gateway that is not the zoo's."""
    assert target.address
    if why := _why_not(codecs, exchange):
        return why
    try:
        if target.protocol == exchange.protocol:
            request = bytes(exchange.request)
        else:
            given, body = decoded(codecs, exchange)
            request = codecs[target.protocol].request(_for_a_stranger(exchange, target.address, given, body), body)
        answer = client.ask(codecs, target.address, request, target.protocol, target.words, FRONT)
    except (CannotEncode, LookupError) as error:
        return f"{target.protocol} cannot say this: {error}"
    except OSError as error:
        return f"{target.address} does not answer: {error.strerror or error}"
    return answer_of(codecs, exchange), answer_of(codecs, answer)


def _for_a_stranger(exchange: Exchange, address: Address, given: Pairs, body: bytes) -> Pairs:
    """The recorded variables, and those that the recorded protocol does not have."""
    host, port = (address.host, address.port) if address.host else ("localhost", 80)
    request = ClientRequest(exchange.target, exchange.method, body or None)
    recorded = {name: value for name, value in given if name not in TWICE | HOP_BY_HOP | {b"CONTENT_LENGTH"}}
    usual = variables(request, Target("", exchange.target, host, port))
    return [(name, recorded.pop(name, value)) for name, value in usual] + list(recorded.items())


def _why_not(codecs: Codecs, exchange: Exchange) -> str:
    """Why a recorded exchange cannot be replayed; empty if it can."""
    if not exchange.request:
        return "no request is in the recording"
    if exchange.request_left_out or exchange.response_left_out:
        return f"larger than {KEEP_ONE:,} bytes"
    return "" if exchange.protocol in codecs else f"the zoo does not read {exchange.protocol}"


def adapt(settings: Settings, registry: Registry, codecs: Codecs, exchange: Exchange, to: str) -> tuple[Pairs, bytes]:
    """Variables and body of a recorded request, for another exhibit. Raises LookupError if the request is
    incomplete."""
    given, body = decoded(codecs, exchange)
    values = dict(given)
    request = ClientRequest(_path(registry, exchange, values), exchange.method, body or None)
    pairs = variables(request, direct.target_of(settings, registry, to, request))
    recorded = {name: value for name, value in values.items() if name not in PLACE_VARIABLES | TWICE | HOP_BY_HOP}
    common = [(name, recorded.pop(name, value)) for name, value in pairs]
    return common + list(recorded.items()), body


def decoded(codecs: Codecs, exchange: Exchange) -> tuple[Pairs, bytes]:
    """Variables and body of a recorded request. Raises LookupError if the request is incomplete."""
    conversation, given, body = Conversation(codecs, exchange.protocol), Pairs(), bytearray()
    for _, event, *_ in conversation.feed("request", bytes(exchange.request)):
        if isinstance(event, Variables):
            given = event.pairs
        elif isinstance(event, Head) and event.start:  # HTTP's trailers have none
            given = as_variables(event)
        elif isinstance(event, Data):
            body += event.data
    if not given:
        raise LookupError("no whole request is in the recording")
    return given, bytes(body)


def _path(registry: Registry, exchange: Exchange, values: dict[bytes, bytes]) -> str:
    """Path and query, without the exhibit's prefix."""
    uri = values.get(b"REQUEST_URI") or values.get(b"SCRIPT_NAME", b"") + values.get(b"PATH_INFO", b"")
    target = uri.decode("utf-8", "surrogateescape")
    recorded = registry.exhibits.get(exchange.exhibit)
    return target if recorded and recorded.front_strips_prefix else target.removeprefix(f"/{exchange.exhibit}") or "/"


def as_variables(head: Head) -> Pairs:
    """The head of an HTTP or AJP request as meta-variables (RFC 3875 4.1.18)."""
    method, target = request_line(head.start)
    pairs: Pairs = [(b"REQUEST_METHOD", method), (b"REQUEST_URI", target)]
    for name, value in head.headers:
        variable = name.upper().replace(b"-", b"_")
        pairs.append((variable if variable.startswith(b"CONTENT_") else b"HTTP_" + variable, value))
    return pairs


def answer_of(codecs: Codecs, exchange: Exchange) -> ReplayAnswer:
    """Status, headers and body of an answer. The body of a WebSocket is its frames."""
    conversation = Conversation(codecs, exchange.protocol)
    conversation.feed("request", bytes(exchange.request))
    answer = conversation.feed("response", bytes(exchange.response)) + conversation.close("response")
    events = [event for _, event, _, asked in answer if asked]
    pieces = [event.data for event in events if isinstance(event, Data) and event.stream in ("body", "WebSocket")]
    headers = [pair for event in events if isinstance(event, Head) for pair in event.headers]
    return ReplayAnswer(exchange.status, b"".join(pieces), exchange.errors, headers)


def compare(exchange: Exchange, to: str, answers: tuple[ReplayAnswer, ReplayAnswer] | str) -> dict[str, Any]:
    """Make the row of one exchange. `same`: status and body are equal, and neither answer broke off. Headers do not
    count: each server adds its own."""
    row: dict[str, Any] = {"number": exchange.number, "method": exchange.method, "target": exchange.target}
    row |= {"exhibit": exchange.exhibit, "to": to, "recorded": exchange.status, "status": None, "same": False}
    if isinstance(answers, str):
        return row | {"same_body": None, "headers": [], "body": None, "errors": [], "why": answers}
    then, now = answers
    body, headers = difference.body(then.body, now.body), difference.headers(then.headers, now.headers)
    same = body is None and then.status == now.status and bool(then.errors) == bool(now.errors)
    row |= {"status": now.status, "same": same, "same_body": body is None}
    row |= {"headers": [msgspec.to_builtins(header) for header in headers], "body": msgspec.to_builtins(body)}
    return row | {"errors": [without_quotes(error) for error in now.errors], "why": None}


def _sentence(row: dict[str, Any]) -> str:
    """Tell what differs. Headers are told only for the recorded exhibit: another server has others."""
    if row["why"]:
        return str(row["why"])
    then, now = ("none" if row[which] is None else row[which] for which in ("recorded", "status"))
    status = "same status" if now == then else f"status {now}, not {then}"
    body = difference.Body(**row["body"]) if row["body"] else None
    headers = [difference.Header(**each) for each in row["headers"]] if row["to"] == row["exhibit"] else []
    parts = difference.sentences(headers, body) if body else ["same body", *difference.sentences(headers, None)]
    return "; ".join([f"{status}, {parts[0]}", *parts[1:], *row["errors"]])
