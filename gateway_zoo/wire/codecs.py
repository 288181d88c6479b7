"""The protocols that the zoo reads and writes: the `wire` of each cage, by the name of its protocol.

A glob finds them, as it finds cages: a new protocol adds a `wire.py` (or a package `wire/`) and edits no other file.
Its functions and constants:

    decoders(limits)             two decoders: of requests, of responses
    annotate(direction, data, methods)   the same bytes as fields; never raises. `methods`: of the requests, in order
    request(variables, body)     bytes of a request, from CGI's meta-variables; raises CannotEncode
    response(status, headers, body)      bytes of a response; raises CannotEncode

and, where the default in OPTIONAL is not right:

    INNER            stream of a response -> the protocol inside: {"STDOUT": "CGI"}
    PORT             the usual TCP port of a gateway. It gives `zoo wire` an option, and stands in pcap files
    PLACES           Places: the protocol carries headers, and says the rest of a request in places without a name
    BEGINS           direction -> a pattern that tells this protocol by its first bytes (foreign.py)
    REQUESTS         other messages that a gateway can be asked: see Message
    SECRET_CODES     bytes that stand for the name of a secret header, as AJP's codes do
    DISSECTOR        Dissector: LAYOUT (a Shape) becomes a script for Wireshark
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any, Literal, NamedTuple, Protocol, cast

from gateway_zoo.registry.cagefile import wire_file
from gateway_zoo.registry.cages import Registry
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.faults import LIMITS, Limits
from gateway_zoo.wire.fields import Annotated
from gateway_zoo.wire.shape import Shape

Direction = Literal["request", "response"]


class Places(NamedTuple):
    """How a request that carries headers says the other meta-variables. Names are those of the annotated fields."""

    variables: Mapping[str, str]  # field -> the meta-variable that a gateway makes of it
    empty: frozenset[tuple[str, str]] = frozenset()  # (field, value): this place says nothing
    attributes: str = ""  # section of the pairs that are no headers: their names are not changed to HTTP_…


class Dissector(NamedTuple):
    """What LAYOUT does not say of a protocol, for Wireshark."""

    answers: str  # Wireshark's own dissector of the answer
    note: str  # on the answer, for the head of the script
    again: bool = False  # another request may follow on the same connection
    strict: bool = False  # CONTENT_LENGTH stands first, and each name once
    packets: tuple[int, ...] = ()  # first bytes of the answers that are of LAYOUT themselves


class Message(NamedTuple):
    """A message that a gateway can be asked besides an ordinary request: `zoo wire --ask NAME` or `NAME=VALUE`.

    `encode(variables, body, value)` returns its bytes; raises CannotEncode. `value` is empty if none was given.
    """

    encode: Callable[[Pairs, bytes, bytes], bytes]
    means: str  # for --help: "FastCGI: the values that the application knows"


class Codec(Protocol):
    """A cage's `wire`."""

    INNER: Mapping[str, str]
    PORT: int
    PLACES: Places | None
    BEGINS: Mapping[Direction, re.Pattern[bytes]]
    REQUESTS: Mapping[str, Message]
    SECRET_CODES: tuple[bytes, ...]
    DISSECTOR: Dissector | None
    LAYOUT: Shape  # where there is a DISSECTOR

    def decoders(self, limits: Limits = LIMITS) -> tuple[Decoder, Decoder]: ...
    def annotate(self, direction: Direction, data: bytes, methods: Sequence[bytes] = ()) -> Annotated: ...
    def request(self, variables: Pairs, body: bytes = b"") -> bytes: ...
    def response(self, status: int, headers: Pairs, body: bytes = b"") -> bytes: ...


OPTIONAL: Mapping[str, Any] = {"INNER": {}, "PORT": 0, "PLACES": None, "BEGINS": {}, "REQUESTS": {}} | {
    "SECRET_CODES": (),
    "DISSECTOR": None,
}


class Codecs:
    """`codecs["FastCGI"]`, loaded at the first use; KeyError for a protocol without a `wire`."""

    def __init__(self, registry: Registry) -> None:
        cages = [cage for cage in reversed(registry.cages) if wire_file(cage.path)]
        self.cages = {cage.file.decodes or cage.file.protocol: cage for cage in cages}
        self._loaded: dict[str, Codec] = {}

    @property
    def protocols(self) -> list[str]:
        return sorted(self.cages)

    def with_port(self) -> dict[str, Codec]:
        """The protocols that a gateway speaks on a socket of its own."""
        return {protocol: self[protocol] for protocol in self.protocols if self[protocol].PORT}

    def __contains__(self, protocol: str) -> bool:
        return protocol in self.cages

    def __getitem__(self, protocol: str) -> Codec:
        if protocol not in self._loaded:
            cage = self.cages[protocol]
            # By path, and under a name of its own: `uwsgi` is also the name of a module that is installed.
            spec = spec_from_file_location(f"zoo_wire_{cage.name}", wire_file(cage.path) or "")
            assert spec is not None
            assert spec.loader is not None
            module = sys.modules[spec.name] = module_from_spec(spec)
            spec.loader.exec_module(module)
            for name, default in OPTIONAL.items():
                vars(module).setdefault(name, default)
            self._loaded[protocol] = cast("Codec", module)
        return self._loaded[protocol]
