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


class BadContentLength(Malformed):
    """A content-length that is no number, or two of them: it is in doubt which packets are the body."""


class BadBody(Malformed):
    """A body that is longer or, with an empty packet at its end, shorter than content-length."""


class OutOfPlace(Malformed):
    """A body before its headers, or headers twice."""


class Odd(Exception):
    """A part of a packet is wrong; packet.py finds which part, and where."""
