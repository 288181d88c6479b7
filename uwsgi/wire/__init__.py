"""The uwsgi protocol: a packet of variables, then the body; back comes an HTTP response.

Source: uwsgi-docs, "The uwsgi Protocol", and the plug-ins of uWSGI 2.0, which have some other numbers. A packet is
modifier1 (one byte: what kind), datasize (two, little-endian), modifier2 (one) and datasize bytes. Of most kinds these
are variables: a length in two bytes and the name, a length and the value. How long the body is, only the variable
CONTENT_LENGTH says; nothing marks its end, nor that of the answer.

What trips people up: uwsgi (small) is the protocol, uWSGI the server. 65,535 bytes of variables are all that fits. An
HTTP answer counts as a packet: its first letter, H, is modifier1 72. uWSGI in cgi-mode answers with CGI's head, and
nginx takes it. gunicorn reads a CONTENT_LENGTH that is no number as 0, and of two it and uWSGI take the last. Here both
are errors if the body's end is in doubt.

Where to read on: layout.py (the tables), variables.py (names and values), requests.py, responses.py, fields.py (a name
for every byte), encode.py (the way back).
"""

import re
from collections.abc import Mapping, Sequence

from gateway_zoo.wire import foreign
from gateway_zoo.wire.codecs import Direction, Dissector
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.faults import LIMITS, Limits
from gateway_zoo.wire.fields import Annotated

from .encode import REQUESTS, packet, request, response
from .fields import of_requests, of_responses
from .layout import PACKET, WITH_VARIABLES
from .requests import Requests
from .responses import CGI, HTTP, Responses

__all__ = ["INNER", "PORT", "REQUESTS", "WITH_VARIABLES", "annotate", "decoders", "packet", "request", "response"]

INNER: Mapping[str, str] = {HTTP: "HTTP", CGI: "CGI"}
PORT = 3031
LAYOUT = PACKET
#: A packet whose first name has letters, or a ping. A TLS record has no 0 in that place, nor AJP or FastCGI; HTTP and
#: SCGI have none at all. An answer is text: HTTP, or CGI's head.
BEGINS: Mapping[Direction, re.Pattern[bytes]] = {
    "request": re.compile(rb"....[\x04-\xff]\0[A-Za-z_]{4}|d\0\0[\0\1]", re.DOTALL),
    "response": foreign.TEXT,
}
DISSECTOR = Dissector(
    answers="http",
    note="The answer is HTTP, for Wireshark's own dissector; a pong is a packet, and CGI's head is shown as text.",
    again=True,
    packets=(100, 255),
)


def decoders(limits: Limits = LIMITS) -> tuple[Decoder, Decoder]:
    """Make the decoders of requests and of responses."""
    return Requests(limits), Responses(limits)


def annotate(direction: Direction, data: bytes, methods: Sequence[bytes] = ()) -> Annotated:
    """Name every byte. Never raises: what ends the reading is a field with `fault`."""
    return Annotated(of_requests(data), []) if direction == "request" else Annotated(*of_responses(data))
