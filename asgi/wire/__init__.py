"""WebSocket (RFC 6455): frames. The handshake was HTTP; what follows its 101 is here.

wsproto reads the frames, checks them (5.2-5.5), their order in messages (5.4) and the closing codes (7.4). It does not
tell the offset of a frame, but it shows an extension each header and each piece of payload, unmasked: _Observer is such
an extension. The offsets follow from the sizes, because a length must be written in the shortest way. Ours are: the
fields of a frame, bytes behind CLOSE, and UTF-8 in text (8.1), whose faults wsproto finds sooner or later, as the bytes
are cut. Compressed payloads (RFC 7692) are passed on as they are.

What trips people up: a message may be several frames, and control frames may stand between them. Only the client
masks, with a fresh key for each frame: that is no encryption, but keeps scripts from forging HTTP for old proxies.

Where to read on: frame.py (the layout, and the encoders), decoder.py, faults.py, fields.py (a name for every byte).
"""

from .decoder import decoders
from .fields import annotate
from .frame import frame, request, response

__all__ = ["annotate", "decoders", "frame", "request", "response"]
