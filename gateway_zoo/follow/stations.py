"""The records of a way: one for each station.

What is missing is None, and the reason stands in `why`.
"""

from typing import Any

import msgspec

from gateway_zoo.follow.lines import Line, Origin
from gateway_zoo.follow.reports import Report
from gateway_zoo.follow.times import Leg, Moment
from gateway_zoo.follow.way_back import Change
from gateway_zoo.measure.process_tree import ProcessRow


class Unknown(msgspec.Struct, frozen=True):
    """In the place of a thing that is missing: the reason."""

    why: str


class Side(msgspec.Struct, frozen=True):
    """One direction, as the byte view takes it. `bytes`: hexadecimal; `left_out`: further bytes that crossed;
    `more_fields`: further fields. `size`: all bytes that crossed."""

    size: int
    bytes: str
    left_out: int
    fields: list[dict[str, Any]]
    more_fields: int


class Talk(msgspec.Struct, frozen=True):
    """Bytes both ways. `first`: the request in a few words; `status` of the answer."""

    protocol: str
    first: str
    status: int | None
    request: Side
    response: Side
    errors: list[str]
    warnings: list[str]


class Variable(msgspec.Struct, frozen=True):
    """A variable or header on the wire. `name` as on the wire; `variable`: the name that is the same in all protocols.
    `origin`: why it is there; None where the configuration cannot be read."""

    name: str
    variable: str
    value: str
    origin: Origin | None


class Decision(msgspec.Struct, frozen=True):
    """The lines of configuration that applied, in their order."""

    lines: list[Line]
    why: str = ""


class Wire(msgspec.Struct, frozen=True):
    """What went between front and gateway. `talk`: None where nothing is seen. `silent`: the lines that sent nothing;
    `lines_why`: why origins are unknown."""

    talk: Talk | None
    variables: list[Variable]
    silent: list[Line]
    why: str = ""
    lines_why: str = ""


class Source(msgspec.Struct, frozen=True):
    """The lines of the program that answered. `first`: number of the first of them."""

    file: str
    first: int
    lines: list[str]


class Program(msgspec.Struct, frozen=True):
    """`report`: what the program told; None, with `why`. `family`: its processes now; None, with `family_why`."""

    report: Report | None
    source: Source | None
    family: list[ProcessRow] | None
    why: str = ""
    source_why: str = ""
    family_why: str = ""


class Back(msgspec.Struct, frozen=True):
    """`changes`: the headers of the answer, those that are the same, too. `body`: a sentence. Where the gateway's
    answer is unknown, for the reason in `why`, only the headers are there that have a line."""

    changes: list[Change]
    body: str
    why: str = ""


class Way(msgspec.Struct, frozen=True):
    """The way of one request. `status`: of the client's answer. `total_ms`: until its last byte."""

    exhibit: str
    front: str
    inside: bool
    method: str
    path: str
    request_id: str
    status: int | None
    total_ms: float | None
    moments: list[Moment]
    legs: list[Leg]
    browser: Talk
    decision: Decision
    wire: Wire
    program: Program
    back: Back
