"""The errors of AJP, by name."""

from gateway_zoo.wire.faults import Malformed


class BadMagic(Malformed):
    """A packet that does not begin with 0x1234 (to the container) or "AB" (from it)."""


class BadLength(Malformed):
    """Lengths inside a packet that do not add up to its own."""


class BadString(Malformed):
    """A string without its NUL, or null where there must be one."""


class UnknownCode(Malformed):
    """A number that stands for no message, method, header or attribute."""


class BadBoolean(Malformed):
    """Neither 0 nor 1."""


class BadFirstLine(Malformed):
    """Method, req_uri and protocol, or a status, from which HTTP could not make a first line."""


class BadHeader(Malformed):
    """A header from which HTTP could not make a line: no name, blanks in it, a line's end in the value."""


class BadContentLength(Malformed):
    """A content-length that is no number, or two of them: it is in doubt which packets are the body."""


class BadBody(Malformed):
    """A piece of a body behind the end that content-length says, or that no request announces."""


class OutOfPlace(Malformed):
    """A message where another one must come: a body before its headers, headers twice."""
