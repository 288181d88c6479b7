"""The errors of CGI, by name: of a program, or of the server that starts it. Only some of them end the reading."""

from gateway_zoo.wire.faults import Malformed


class BadVariable(Malformed):
    """A string of the environment that is not NAME=VALUE."""


class BadContentLength(Malformed):
    """A length that is no number, or two that differ: the body's end is in doubt (4.1.2). Of an answer it is none: the
    end of the stream ends its body."""


class BadHeader(Malformed):
    """A line before the empty one that is not a name, a colon and a value (6.3)."""


class ContinuedLine(Malformed):
    """A line that begins with a space, as if it went on with the one before; CGI has no such lines (6.3)."""


class RepeatedField(Malformed):
    """Content-Type, Location or Status for the second time (6.3)."""


class NoCGIField(Malformed):
    """Neither Content-Type nor Location nor Status (6.3)."""


class BadStatus(Malformed):
    """Status without three digits, a space and a reason, which may be empty (6.3.3)."""


class NonParsedHeader(Malformed):
    """A first line of HTTP, which servers take from few programs (5). Or the peer speaks HTTP."""


class BadStatusLine(Malformed):
    """A non-parsed header whose first line is not HTTP's (5.2)."""
