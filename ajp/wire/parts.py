"""The parts of a packet: numbers, strings, and what is wrong with them."""

from collections.abc import Mapping

from msgspec.structs import replace

from gateway_zoo.wire import secrets
from gateway_zoo.wire.decoder import breach
from gateway_zoo.wire.events import Breach, Values
from gateway_zoo.wire.faults import Limits, TooLong, WireError
from gateway_zoo.wire.fields import Field, text

from . import codes
from .faults import BadBoolean, BadLength, BadString, UnknownCode

Pair = tuple[bytes, bytes]
BASIC = "Basic Packet Structure"
NAMES = secrets.names(codes.SECRET_CODES)


class Stop(Exception):
    """The rest of the packet cannot be read."""


class Parts:
    """Names the bytes of `data` from `start` to `end`, the end of the packet. `base`: offset of `data`; `cut`: the
    packet goes on behind it.

    Each method names one part and moves on, or raises Stop. `problems`: the broken rules, and bytes that are not read
    and may be a secret. `doubt`: the error that must end the decoding.
    """

    def __init__(self, data: bytes, start: int, end: int, limits: Limits, base: int = 0, cut: bool = False) -> None:
        self.data, self.start, self.at, self.end = data, start, start, end
        self.limits, self.base, self.cut = limits, base, cut
        self.fields: list[Field] = []
        self.problems: list[Breach | Values] = []
        self.doubt: WireError | None = None
        self.before_headers = False  # those of a Forward Request are not read yet: one may be content-length
        self.lost = False  # the layout from some place on is not known

    def error(self, kind: type[WireError], at: int, length: int, expected: str) -> WireError:
        return kind(self.base + at, self.data[at : min(at + length, self.end)], expected)

    def wrong(self, kind: type[WireError], at: int, length: int, expected: str) -> None:
        """Note a breach of the field of `length` bytes at `at`."""
        self.problems.append(breach(self.error(kind, at, length, expected), length))

    def lose(self, kind: type[WireError], at: int, length: int, expected: str) -> None:
        """Note that nothing behind this place can be read. The first such place counts."""
        if not self.lost and self.before_headers:
            self.doubt = self.doubt or self.error(kind, at, length, expected)
        elif not self.lost:
            self.wrong(kind, at, length, expected)
        self.lost = True

    def over(self, kind: type[WireError], at: int, expected: str) -> Stop:
        """Note that a limit is broken."""
        self.lost, self.doubt = True, self.error(kind, at, self.end, expected)
        return Stop()

    def hide(self, at: int, length: int) -> None:
        """Tell bytes as a secret, so that no recording shows them."""
        if not self.cut:
            pairs = [(b"secret", self.data[at : at + length])]
            self.problems.append(Values(self.base + self.start, 0, False, pairs))

    def names_secret(self) -> bool:
        """Tell whether the rest has the name of a secret in it."""
        return NAMES.search(self.data, self.at, self.end) is not None

    def rest(self) -> None:
        """Name what cannot be read. It may hold a password."""
        if rest := self.end - self.at:
            hide = not self.cut or self.names_secret()
            field = Field(self.at, rest, "rest", f"{rest} bytes", "not read", depth=1, fault=self.cut, secret=hide)
            self.fields.append(field)
            self.hide(self.at, rest)
        elif self.cut and self.fields:
            self.fields[-1] = replace(self.fields[-1], fault=True)
        self.at = self.end

    def add(self, length: int, name: str, value: str, means: str, section: str, depth: int = 1) -> None:
        if self.at + length > self.end:
            self.lose(BadLength, self.start + 2, 2, f"a packet that also holds {name}")
            raise Stop
        self.fields.append(Field(self.at, length, name, value, means, f"AJPv13, {section}", depth))
        self.at += length

    def integer(self, name: str, means: str, section: str, depth: int = 1) -> int:
        number = int.from_bytes(self.data[self.at : min(self.at + 2, self.end)], "big")
        self.add(2, name, str(number), means, section, depth)
        return number

    def byte(self, name: str, means: str, section: str, values: Mapping[int, str]) -> int:
        number = self.data[self.at] if self.at < self.end else 0
        value = str(number) if values is codes.BOOLEAN else f"{number} ({values.get(number, 'unknown')})"
        self.add(1, name, value, means, section)
        if number not in values:
            if values is codes.BOOLEAN:
                self.wrong(BadBoolean, self.at - 1, 1, "0 or 1")
            else:
                of = "method" if name == "method" else "message"
                self.wrong(UnknownCode, self.at - 1, 1, f"the code of a {of}")
        return number

    def string(
        self, name: str, section: str, most: int, depth: int = 2, null: bool = False, hide: bool = False
    ) -> bytes | None:
        """Name length, bytes and NUL. Returns None for a null string, which is a breach if it must not be `null`."""
        before = self.at
        length = self.integer("length", "bytes of the string, without its NUL; 65535: null", BASIC, depth)
        if length == codes.NULL:
            if not null:
                self.wrong(BadString, before, 2, "a string that is not null")
            return None
        value = self.data[self.at : min(self.at + length, self.end)]
        if len(value) > most:
            raise self.over(TooLong, self.at, f"at most {most} bytes, not {length}")
        beyond = len(value) < length
        if not hide and beyond and self.names_secret():
            hide = True
            self.hide(self.at, len(value))
        field = Field(self.at, len(value), name, text(value), "", f"AJPv13, {section}", depth, secret=hide)
        self.fields.append(replace(field, fault=beyond and self.cut))
        self.at += len(value)
        if beyond:
            self.lose(BadLength, before, 2, f"{length} bytes, which end within the packet")
        elif self.at == self.end:
            self.lose(BadString, before, 2, "a NUL behind the string, within the packet")
        else:
            if self.data[self.at]:
                self.wrong(BadString, self.at, 1, "the NUL that ends a string")
            self.add(1, "NUL", "", "ends the string", BASIC, depth)
        return value

    def end_whole(self, index: int, start: int) -> None:
        """End the field for all of a pair or string whose end cannot be read."""
        if self.at == start:
            del self.fields[index:]
        else:
            self.fields[index] = replace(self.fields[index], length=self.at - start)
