"""A chunked upload: the program reads it as PEP 3333 allows, and the probe names what has arrived."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gateway_zoo.traits.telling import tell

if TYPE_CHECKING:  # a gateway imports this file for each CGI request
    from gateway_zoo.traits.cell import Cell
    from gateway_zoo.traits.exchange import Exchange

CHUNKS = b"5\r\nfirst\r\n", b"6\r\nsecond\r\n0\r\n\r\n"
BODY = "firstsecond"


def tell_body(environ: Mapping[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Read the body, in the program, and tell it."""
    length, stream = environ.get("CONTENT_LENGTH"), environ["wsgi.input"]
    if not length and not environ.get("wsgi.input_terminated"):
        length = "0"  # without an end of the stream a program that reads on waits for ever
    body = stream.read(int(length)) if length else stream.read()
    return tell(start_response, {"length": length, "body": body.decode("latin-1")})


def arrival(cell: "Cell", seen: "Exchange") -> str:
    """Name what the program has told."""
    if seen.refusal:
        return seen.refusal
    facts = cell.facts(seen)
    if facts["body"] == BODY:
        return "whole, with a length" if facts["length"] else "whole, no length"
    return "cut" if facts["body"] else "empty"
