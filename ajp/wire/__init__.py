"""AJPv13: packets that say what HTTP would, with numbers for what is said often.

Source: "AJPv13", Apache Tomcat Connectors; its sections have names, no numbers. Packets to the container begin with
0x1234, those from it with "AB"; then a length of two bytes, and that many bytes, of which the first is the kind of
message. A string is a length, its bytes and a NUL that is not counted; the length 0xFFFF says "no string".

How the decoder tells it: a Forward Request is three events. Values: what the connection is (remote_addr, remote_host,
server_name, server_port, is_ssl); Head: the first line and the headers as HTTP has them, the query in its place;
Values: the attributes. A null string is left out.

What trips people up: body packets have no kind. One follows at once if content-length is not 0, more are sent when the
container asks (Get Body Chunk), and it need not ask for all: then the next message comes early. A packet is taken for
a body if one is due and the length inside fits the packet. Of a chunked body no packet is sent unasked, and only an
empty one says that it has ended. The code 0xFF for a method is in no table: Apache sends the name as `stored_method`.
The specification's limit of 8192 bytes is a setting (Apache ProxyIOBufferSize, Tomcat packetSize): we write no larger
packets, but read them.

A broken rule moves no byte of the framing, because each packet has its own length: nearly all make a Breach. Decoding
ends where it is not known which packets are bodies (content-length is no number, or may be lost).

Where to read on: codes.py (the tables), requests.py and responses.py (packets become events; read.py reads the two
large ones quickly), parts.py and packet.py (a name for every byte, and what is wrong), fields.py, encode.py.
"""

import re
from collections.abc import Mapping

from gateway_zoo.wire.codecs import Direction, Message

from . import codes, faults
from .codes import PLACES, PORT, SECRET_CODES
from .decoder import decoders
from .encode import cping, request, response
from .fields import annotate

#: The third byte is the first of a packet's length.
BEGINS: Mapping[Direction, re.Pattern[bytes]] = {
    "request": re.compile(rb"\x12\x34[\x00-\x1f]"),
    "response": re.compile(rb"AB[\x00-\x1f]"),
}
REQUESTS = {"CPING": Message(cping, "AJP: whether the container is there")}

__all__ = [
    "BEGINS",
    "PLACES",
    "PORT",
    "REQUESTS",
    "SECRET_CODES",
    "annotate",
    "codes",
    "cping",
    "decoders",
    "faults",
    "request",
    "response",
]
