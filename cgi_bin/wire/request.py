"""CGI's request: an environment, as execve(2) lays it out, and standard input."""

from typing import NamedTuple

from gateway_zoo.wire import secrets
from gateway_zoo.wire.body import OneRequest, announced
from gateway_zoo.wire.decoder import Decoder, breach
from gateway_zoo.wire.events import Event, Variables
from gateway_zoo.wire.faults import Limits, TooLong, TooMany, Truncated

from .faults import BadContentLength, BadVariable

LENGTH = b"CONTENT_LENGTH"


class Variable(NamedTuple):
    """A string of the environment, and the places of its parts. `equals`: the byte behind the name, if it is there."""

    at: int
    name_at: int
    name: bytes
    equals: bytes
    value: bytes
    string: bytes

    @property
    def value_at(self) -> int:
        return self.at + len(self.string) - len(self.value)


def variables(block: bytes, at: int = 0) -> list[Variable]:
    """Split an environment, without the NUL that ends it, into its variables. A string without an equals sign is a
    name; or, with the name of a secret in it, that name and a value behind it. `at`: the place of the block."""
    split = list[Variable]()
    for string in block.split(b"\0")[:-1]:
        name, equals, value = string.partition(b"=")
        name_at = at
        if not equals and (match := secrets.NAME.search(string)):
            name, value, name_at = match[0], string[match.end() :], at + match.start()
        split.append(Variable(at, name_at, name, equals, value, string))
        at += len(string) + 1
    return split


def doubtful(split: list[Variable]) -> Variable | None:
    """Return the variable that leaves the length of the body in doubt, if there is one."""
    lengths = [variable for variable in split if variable.name == LENGTH]
    if announced([variable.value for variable in lengths]) is not None:
        return None
    return [variable for variable in lengths if variable.value][-1]


class Requests(OneRequest):
    """The decoder of one environment and its standard input: a process answers once."""

    WAITS_FOR = "the end of the environment"

    def __init__(self, limits: Limits, responses: Decoder) -> None:
        super().__init__(limits)
        self._responses = responses
        self._searched = 0  # bytes of the environment without its end

    def _head(self, data: bytes, events: list[Event]) -> tuple[int, int] | None:
        end = end_of_environment(data, self._searched)
        if (end or len(data)) > self.limits.head:
            raise TooLong(0, data, f"an environment of at most {self.limits.head} bytes")
        if not end:
            self._searched = len(data)
            return None
        split = self._environment(data[: end - 1], events)
        if doubt := doubtful(split):
            raise BadContentLength(doubt.value_at, doubt.value, "CONTENT_LENGTH once, as a decimal number")
        return end, announced([variable.value for variable in split if variable.name == LENGTH]) or 0

    def _environment(self, block: bytes, events: list[Event]) -> list[Variable]:
        split = variables(block)
        for count, (at, _, name, _, value, string) in enumerate(split, start=1):
            for kind, given, limit in (("name", name, self.limits.name), ("value", value, self.limits.value)):
                if len(given) > limit:
                    raise TooLong(at, string, f"a {kind} of at most {limit} bytes, not {len(given)}")
            if count > self.limits.variables:
                raise TooMany(at, string, f"at most {self.limits.variables} variables")
        event = Variables(0, 0, [(variable.name, variable.value) for variable in split])
        self._responses.asked(event)
        events.append(event)
        lengths = 0
        for at, _, name, equals, _, string in split:
            lengths += name == LENGTH
            if not equals or not name:
                error = BadVariable(at, string, "a name, an equals sign and a value")
                events.append(breach(error, len(string) + 1))
            elif name == LENGTH and lengths > 1:
                events.append(breach(BadContentLength(at, string, "CONTENT_LENGTH only once"), len(string) + 1))
        return split

    def _close(self, events: list[Event]) -> None:
        if self._body is None:
            block = self._rest[: self._rest.rfind(b"\0") + 1]
            if block:
                self._environment(block, events)
            raise Truncated(self.offset, self._rest, self.WAITS_FOR)
        super()._close(events)


def end_of_environment(data: bytes, searched: int = 0) -> int:
    """Return the offset behind the NUL that ends the environment (an empty string); 0 without one."""
    if data.startswith(b"\0"):
        return 1
    at = data.find(b"\0\0", max(0, searched - 1))
    return at + 2 if at >= 0 else 0
