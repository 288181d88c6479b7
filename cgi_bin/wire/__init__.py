"""CGI: an environment and standard input go in; header lines, an empty line and a body come out.

Source: RFC 3875. Between processes a request is no stream. As bytes we show it the way execve(2) lays the environment
out and /proc/PID/environ shows it: NAME=VALUE and a NUL, again and again; then one more NUL, and standard input, of
which CONTENT_LENGTH bytes are the body (4.2). The answer is inside of FastCGI's STDOUT and of SCGI's response, too.

Only a CONTENT_LENGTH in doubt ends the reading. A broken line, a bad Status, a CGI field twice or none (6.3) are
marked, and all is read. Not even marked are fields that may not stand together (6.2): 6.2.2 forbids a redirect to a
path with a Status and a document, and every web framework sends it. `response_type` names such a breach.

What trips people up: the end of a line is LF, or CR LF (7.2); a header is one line, never continued (6.3); a field
without a value counts as not sent (6.3). An answer that begins with HTTP/ is a non-parsed header (5): a whole HTTP
response, to be passed on as it is. mod_cgid believes it only if the program's file is named nph-…

Where to read on: request.py, response.py, faults.py (their errors), fields.py (a name for every byte).
"""

from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.faults import LIMITS, CannotEncode, Limits
from gateway_zoo.wire.heads import cgi_head

from . import faults
from .fields import annotate
from .request import Requests
from .response import Responses, response_type

__all__ = ["annotate", "decoders", "faults", "request", "response", "response_type"]


def decoders(limits: Limits = LIMITS) -> tuple[Decoder, Decoder]:
    """Make the decoders of requests and of responses. A request tells its method to its answer."""
    responses = Responses(limits)
    return Requests(limits, responses), responses


def request(variables: Pairs, body: bytes = b"") -> bytes:
    """Write an environment and its standard input. Raises CannotEncode."""
    for name, value in variables:
        if not name or b"=" in name or b"\0" in name + value:
            raise CannotEncode(f"{name[:24]!r}: a name has no = and no NUL, is not empty, and a value has no NUL")
    return b"".join(b"%b=%b\0" % pair for pair in variables) + b"\0" + body


def response(status: int, headers: Pairs, body: bytes = b"") -> bytes:
    """Write a document response, or a redirect if there is a Location. Raises CannotEncode. Lines end in CR LF."""
    return cgi_head(status, headers) + body
