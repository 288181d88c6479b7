"""WebSocket (RFC 6455): frames. The handshake was HTTP; what follows its 101 is here.

Nearly every rule leaves the framing as it is, because the header of a frame says its length. So a broken rule is a
Breach, and the frames behind it are read. Only a length beyond 63 bits ends the reading. Compressed payloads (RFC 7692)
are passed on as they are: the frames do not say whether the handshake has agreed on the compression.

What trips people up: a message may be several frames, and control frames may stand between them. Only the client
masks, with a fresh key for each frame: that is no encryption, but keeps scripts from forging HTTP for old proxies.

Where to read on: frame.py (the layout, and the encoders), decoder.py, faults.py, fields.py (a name for every byte).
"""

from .decoder import decoders
from .fields import annotate
from .frame import frame, request, response

__all__ = ["annotate", "decoders", "frame", "request", "response"]
