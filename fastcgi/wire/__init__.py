"""FastCGI 1.0: records of requests and of their answers, many requests on one connection, each with its own id.

Source: M. Brown, "FastCGI Specification", 29 April 1996; section numbers are its own. A connection is nothing but
records, in both directions: a header of eight bytes, the content, padding. Some records say one thing (BEGIN_REQUEST);
the others are pieces of streams (PARAMS, STDIN, STDOUT, …), which a record without content ends.

What trips people up: content has 65,535 bytes at most, and the place where a stream is cut means nothing (3.3): a
variable may begin in one PARAMS record and end in another. The variables are known when the empty PARAMS record comes.
Each direction is decoded by itself. So an id is active until its streams have ended or are aborted, although the
application may end the request earlier: END_REQUEST is in the other direction.

Where to read on: layout.py (the tables), records.py (what both decoders share), requests.py (the states of a request),
responses.py, pairs.py (names and values), faults.py, fields.py (a name for every byte), encode.py (the way back).
"""

import re
from collections.abc import Mapping, Sequence

from gateway_zoo.wire.codecs import Direction, Message
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.faults import LIMITS, Limits
from gateway_zoo.wire.fields import Annotated, in_order

from . import encode
from .encode import request, response
from .fields import Naming
from .requests import Requests
from .responses import Responses

__all__ = ["BEGINS", "INNER", "PORT", "REQUESTS", "annotate", "decoders", "encode", "request", "response"]

INNER: Mapping[str, str] = {"STDOUT": "CGI"}
PORT = 9000
#: Version, type, requestId (below 256, as all begin).
BEGINS: Mapping[Direction, re.Pattern[bytes]] = {
    "request": re.compile(rb"\x01(\x01\0[^\0]|\x09\0\0)"),
    "response": re.compile(rb"\x01([\x03\x06\x07]\0[^\0]|[\x0a\x0b]\0\0)"),
}
REQUESTS: Mapping[str, Message] = {
    "GET_VALUES": Message(encode.ask_values, "FastCGI: what the application can do; VALUE: names with commas between"),
    "AUTHORIZER": Message(encode.authorizer, "FastCGI: may this request pass?"),
    "FILTER": Message(encode.filter, "FastCGI: change this file; VALUE: what is in it"),
}


def decoders(limits: Limits = LIMITS) -> tuple[Decoder, Decoder]:
    """Make the decoders of requests and of responses."""
    return Requests(limits), Responses(limits)


def annotate(direction: Direction, data: bytes, methods: Sequence[bytes] = ()) -> Annotated:
    """Name every byte. Never raises: where the decoding ends, the rest is a field with `fault`."""
    naming = Naming(data, decoders()[direction == "response"])
    naming.all()
    return Annotated(in_order(naming.fields), naming.streams)
