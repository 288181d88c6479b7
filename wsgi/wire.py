"""HTTP/1.1: a line, headers, an empty line, a body; requests there, responses back, one behind the other.

Sources: RFC 9112 (the bytes), RFC 9110 (what they mean). Between a web server and a program it says nothing of
SCRIPT_NAME or REMOTE_ADDR: the program must be told its path in another way, and X-Forwarded-For can be forged.

Where to read on: wire_messages.py (how h11 is made to observe), wire_decoder.py (requests, and the answers to them),
wire_faults.py (how a peer can be wrong), wire_grammar.py (its lines as patterns), wire_fields.py (a name for every
byte), wire_encode.py (the way back).

What trips people up: which body an answer has depends on the method that was asked.
"""

from .wire_decoder import pair
from .wire_encode import chunked, request, response
from .wire_faults import (
    AfterClose,
    BadChunk,
    BadContentLength,
    BadHeader,
    BadHost,
    BadMessage,
    BadRequestLine,
    BadStatusLine,
    BadTransferEncoding,
    BadUpgrade,
    BadVersion,
)
from .wire_fields import INNER, annotate

__all__ = [
    "INNER",
    "AfterClose",
    "BadChunk",
    "BadContentLength",
    "BadHeader",
    "BadHost",
    "BadMessage",
    "BadRequestLine",
    "BadStatusLine",
    "BadTransferEncoding",
    "BadUpgrade",
    "BadVersion",
    "annotate",
    "chunked",
    "pair",
    "request",
    "response",
]
