"""The way back: what the front added, removed or changed between the gateway's answer and the client's.

What trips people up: a header of the same name may stand several times; all its values are one entry here. Some headers
belong to one connection only, and the front makes its own (RFC 9110, 7.6.1). CGI's Status is no header of HTTP: the
front makes the status line of it.
"""

from collections.abc import Mapping
from typing import Literal

import msgspec

from gateway_zoo.follow.lines import Line
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import Exchange, Fields
from gateway_zoo.wire.recorder import difference
from gateway_zoo.wire.recorder.replay import answer_of
from gateway_zoo.wire.view.variables import variables_of

Is = Literal["same", "added", "removed", "changed"]
#: Header -> why the web server itself adds, removes or changes it.
ITSELF = {
    "status": "it becomes the status line of HTTP",
    "connection": "each connection has its own",
    "keep-alive": "each connection has its own",
    "transfer-encoding": "each connection has its own",
    "content-length": "the front counts the body itself, or sends it in pieces",
    "date": "the web server itself: the gateway gave no time",
    "server": "the web server itself: its name",
}
WEB_SERVER = "the web server itself"


class Change(msgspec.Struct, frozen=True):
    """A header of the answer. `gateway`, `client`: its values on both sides, or None. `line`: the line that did it;
    else `why` names the reason."""

    header: str
    is_: Is = msgspec.field(name="is")
    gateway: str | None
    client: str | None
    line: Line | None = None
    why: str = ""


def changes(
    gateway: tuple[Exchange, Fields], client: tuple[Exchange, Fields], codecs: Codecs, lines: Mapping[str, Line]
) -> list[Change]:
    """All headers, in the client's order; then those that only the gateway sent. `lines`: header in lower case -> the
    line that added or changed it."""
    before, after = (_values(exchange, fields, codecs) for exchange, fields in (gateway, client))
    names = {name.lower(): name for name in [*before, *after]}  # as the client got it
    sent, came = ({name.lower(): value for name, value in each.items()} for each in (before, after))
    return [_change(names[key], sent.get(key), came.get(key), lines.get(key)) for key in dict.fromkeys([*came, *sent])]


def by_lines(client: tuple[Exchange, Fields], codecs: Codecs, lines: Mapping[str, Line]) -> list[Change]:
    """The headers of the client's answer that a line made, where the gateway's answer is unknown."""
    came = {name: (value, lines.get(name.lower())) for name, value in _values(*client, codecs).items()}
    return [Change(name, "added", None, value, line) for name, (value, line) in came.items() if line]


def _values(exchange: Exchange, fields: Fields, codecs: Codecs) -> dict[str, str]:
    values: dict[str, list[str]] = {}
    for variable in variables_of(exchange.protocol, fields, codecs)["response"]:
        values.setdefault(variable.name, []).append(variable.value)
    return {name: ", ".join(all_values) for name, all_values in values.items()}


def _change(name: str, gateway: str | None, client: str | None, line: Line | None) -> Change:
    if gateway == client:
        return Change(name, "same", gateway, client)
    is_: Is = "added" if gateway is None else "removed" if client is None else "changed"
    return Change(name, is_, gateway, client, line, "" if line else ITSELF.get(name.lower(), WEB_SERVER))


def body(gateway: Exchange, client: Exchange, codecs: Codecs) -> str:
    """Compare the bodies, in a sentence."""
    if gateway.response_left_out or client.response_left_out:
        return "the body is too long to compare"
    passed, came = (answer_of(codecs, exchange).body for exchange in (gateway, client))
    other = difference.body(passed, came)
    if other is None:
        return f"the body is the same, {len(came):,} bytes"
    return difference.sentences([], other)[0]
