"""HTTP/1.1: a line, headers, an empty line, a body; requests there, responses back, one behind the other.

Sources: RFC 9112 (the bytes), RFC 9110 (what they mean). Between a web server and a program it says nothing of
SCRIPT_NAME or REMOTE_ADDR: the program must be told its path in another way, and X-Forwarded-For can be forged.

Where to read on: messages.py (how h11 is made to observe), decoder.py (requests, and the answers to them), heard.py
(which request an answer belongs to), cure.py (heads that break a rule), handshake.py (101 held against its request),
faults.py, grammar.py (lines as patterns), fields.py (a name for every byte), encode.py (the way back).

What trips people up: which body an answer has depends on the method that was asked.
"""

from gateway_zoo.wire.codecs import Places

from . import faults
from .decoder import decoders
from .encode import chunked, request, response
from .fields import INNER, annotate
from .grammar import BEGINS

PORT = 80
PLACES = Places({"method": "REQUEST_METHOD", "target": "REQUEST_URI", "version": "SERVER_PROTOCOL"})

__all__ = ["BEGINS", "INNER", "PLACES", "PORT", "annotate", "chunked", "decoders", "faults", "request", "response"]
