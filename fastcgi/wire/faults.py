"""The errors of FastCGI, by name."""

from gateway_zoo.wire.faults import Malformed


class BadVersion(Malformed):
    """A version other than 1 (3.3)."""


class BadRequestId(Malformed):
    """A record of a request with id 0, or one of the connection with another (3.3)."""


class BadLength(Malformed):
    """A content of fixed layout that is longer or shorter than it."""


class BadPairs(Malformed):
    """Lengths of names and values that do not fit into what carries them, or a value where none may be."""


class BadContentLength(Malformed):
    """A length of a stream, among the variables, that is no decimal number, or differs from another one."""


class BadStatus(Malformed):
    """A protocolStatus that is not defined (5.5)."""


class WrongDirection(Malformed):
    """A record that only the other side may send (appendix A)."""


class UnknownType(Malformed):
    """A type that no specification has, with a request's id: unknown types are of the connection (4.2)."""


class NotActive(Malformed):
    """A record of a request that has not begun, or has ended: it is to be ignored (3.3)."""


class AlreadyActive(Malformed):
    """BEGIN_REQUEST for an id whose request has not ended (3.3)."""


class OutOfOrder(Malformed):
    """A stream that is not this role's, or not yet, or no longer (3.3, 6.1)."""


class BehindTheBody(Malformed):
    """A stream with more bytes than its length among the variables."""
