"""The content of the pages: gateways, variables, status codes.

All ways of building a page take it from here. A test compares `gateways.json` with the cages' own cage.toml; the
program itself knows no cage. The status codes come from Python's standard library, the variables from RFC 3875.
"""

import json
from dataclasses import asdict, dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

#: CGI meta-variables (RFC 3875, section 4.1), in the order of that section.
VARIABLES = {
    "AUTH_TYPE": "How the user proved an identity, such as Basic; absent if the server did not ask.",
    "CONTENT_LENGTH": "Bytes of the request's body, in decimal digits.",
    "CONTENT_TYPE": "Media type of the request's body, as the client named it.",
    "GATEWAY_INTERFACE": "The dialect that the server speaks to the program: CGI/1.1.",
    "PATH_INFO": "What follows the program's own part of the path; the program decides what it means.",
    "PATH_TRANSLATED": "PATH_INFO as a file name, if the server can make one of it.",
    "QUERY_STRING": "What follows the question mark, still encoded; empty if there is none.",
    "REMOTE_ADDR": "Network address of the client that sent the request.",
    "REMOTE_HOST": "The client's domain name, if the server looked it up.",
    "REMOTE_IDENT": "The user's name as RFC 1413 would tell it; hardly ever sent today.",
    "REMOTE_USER": "The user's name, if AUTH_TYPE is there.",
    "REQUEST_METHOD": "GET, HEAD, POST or another method; case matters.",
    "SCRIPT_NAME": "The part of the path that leads to the program.",
    "SERVER_NAME": "Host name or address that the request was sent to.",
    "SERVER_PORT": "Port on which the request arrived.",
    "SERVER_PROTOCOL": "Name and version of the protocol of the request, such as HTTP/1.1.",
    "SERVER_SOFTWARE": "Name and version of the web server.",
}
#: First digit of a status code (RFC 9110, section 15): for codes that the standard library does not describe.
CLASSES = {1: "Informational", 2: "Successful", 3: "Redirection", 4: "Client error", 5: "Server error"}


@dataclass(frozen=True)
class Fact:
    """One row of the endless page; `number` counts from 1."""

    number: int
    kind: str
    name: str
    text: str


@cache
def gateways() -> list[dict[str, Any]]:
    """Read the rows of gateways.json."""
    rows: list[dict[str, Any]] = json.loads(Path(__file__).with_name("gateways.json").read_text(encoding="utf-8"))
    return rows


@cache
def facts() -> list[Fact]:
    """List gateways, then variables, then status codes."""
    rows = [("gateway", row["name"], row["sentence"]) for row in gateways()]
    rows += [("variable", name, text) for name, text in VARIABLES.items()]
    rows += [("status code", f"{int(s)} {s.phrase}", s.description or CLASSES[s // 100]) for s in HTTPStatus]
    return [Fact(number, *row) for number, row in enumerate(rows, 1)]


def some(after: int, limit: int) -> dict[str, Any]:
    """Return the `limit` facts after number `after`.

    Keys: `rows`; `next`, the `after` of the next request, None at the end; `total`.
    """
    rows = facts()[after : after + limit]
    more = bool(rows) and rows[-1].number < len(facts())
    return {"rows": [asdict(row) for row in rows], "next": rows[-1].number if more else None, "total": len(facts())}
