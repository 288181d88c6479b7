"""CGI's request: an environment, as execve(2) lays it out, and standard input."""

from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Data, End, Event, Pairs, Variables
from gateway_zoo.wire.faults import Limits, TooLong, TooMany, Truncated

from .faults import AfterTheBody, BadContentLength, BadVariable


def variables(block: bytes, limits: Limits) -> Pairs:
    """Split an environment, without the NUL that ends it, into names and values.

    Raises BadVariable, TooLong or TooMany.
    """
    if not block:
        return []
    strings = block[:-1].split(b"\0")
    pairs = [(name, value) for name, equals, value in [s.partition(b"=") for s in strings] if equals and name]
    longest = max(map(len, strings))
    if len(pairs) < len(strings) or longest > limits.name or longest > limits.value or len(pairs) > limits.variables:
        _check(strings, limits)
    return pairs


def _check(strings: list[bytes], limits: Limits) -> None:
    at = 0
    for count, string in enumerate(strings, start=1):
        name, equals, value = string.partition(b"=")
        if not equals or not name:
            raise BadVariable(at, string, "a name, an equals sign and a value")
        for kind, given, limit in (("name", name, limits.name), ("value", value, limits.value)):
            if len(given) > limit:
                raise TooLong(at, string, f"a {kind} of at most {limit} bytes, not {len(given)}")
        if count > limits.variables:
            raise TooMany(at, string, f"at most {limits.variables} variables")
        at += len(string) + 1


def body_length(block: bytes) -> int:
    """Read CONTENT_LENGTH; absent and empty both mean 0 (4.1.2). Raises BadContentLength."""
    _, *given = (b"\0" + block).split(b"\0CONTENT_LENGTH=")
    if not given:
        return 0
    value = given[-1].partition(b"\0")[0]
    if len(given) > 1 or (value and not (value.isdigit() and len(value) < 19)):
        before = len(block) - len(b"CONTENT_LENGTH=" + given[-1])
        raise BadContentLength(before, block[before:], "CONTENT_LENGTH once, as a decimal number")
    return int(value or 0)


class Requests(Decoder):
    """The decoder of one environment and its standard input: a process answers once."""

    WAITS_FOR = "the end of the environment"

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._searched = 0  # bytes of the environment without its end
        self._body: int | None = None  # bytes that are to come; None: the environment is not complete

    def _decode(self, data: bytes, events: list[Event]) -> int:
        at = 0
        if self._body is None:
            at = self._environment(data, events)
            if self._body is None:
                return 0
        if piece := data[at : at + self._body]:
            events.append(Data(self.offset + at, 0, "body", piece))
            at += len(piece)
            self._body -= len(piece)
            if not self._body:
                events.append(End(self.offset + at, 0))
        if at < len(data):
            raise AfterTheBody(self.offset + at, data[at:], "the end of standard input")
        return at

    def _environment(self, data: bytes, events: list[Event]) -> int:
        """Read the environment, if it is complete: set self._body, return the offset behind it. Else return 0."""
        end = end_of_environment(data, self._searched)
        if (end or len(data)) > self.limits.head:
            raise TooLong(0, data, f"an environment of at most {self.limits.head} bytes")
        if not end:
            self._searched = len(data)
            return 0
        block = data[: end - 1]
        pairs = variables(block, self.limits)
        self._body = body_length(block)
        events.append(Variables(0, 0, pairs))
        if not self._body:
            events.append(End(end, 0))
        return end

    def _close(self, events: list[Event]) -> None:
        if self._body is None:
            raise Truncated(self.offset, self._rest, self.WAITS_FOR)
        if self._body:
            raise Truncated(self.offset, b"", f"{self._body} more bytes of the body")


def end_of_environment(data: bytes, searched: int = 0) -> int:
    """Return the offset behind the NUL that ends the environment (an empty string); 0 without one."""
    if data.startswith(b"\0"):
        return 1
    at = data.find(b"\0\0", max(0, searched - 1))
    return at + 2 if at >= 0 else 0
