"""The protocols that the zoo can read and write: every cage's wire.py, by the name of its protocol.

A glob, as the registry: a new protocol adds a wire.py and edits nothing. What a wire.py has:

    INNER                        stream of a response -> the protocol that is inside: {"STDOUT": "CGI"}
    pair(limits)                 two decoders: of requests, of responses
    annotate(direction, data, methods)   the same bytes as fields; never raises. `methods`: of the requests, in order
    request(variables, body)     bytes of a request, from CGI's meta-variables; raises CannotEncode
    response(status, headers, body)      bytes of a response; raises CannotEncode
"""

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, cast

from gateway_zoo.registry.cages import Registry
from gateway_zoo.wire.decoder import Decoder
from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.faults import LIMITS, Limits
from gateway_zoo.wire.fields import Annotated

Direction = Literal["request", "response"]


class Codec(Protocol):
    """A cage's wire.py."""

    INNER: Mapping[str, str]

    def pair(self, limits: Limits = LIMITS) -> tuple[Decoder, Decoder]: ...
    def annotate(self, direction: Direction, data: bytes, methods: Sequence[bytes] = ()) -> Annotated: ...
    def request(self, variables: Pairs, body: bytes = b"") -> bytes: ...
    def response(self, status: int, headers: Pairs, body: bytes = b"") -> bytes: ...


class Codecs:
    """`wires["FastCGI"]`: loaded when first asked for; KeyError for a protocol that no cage writes down."""

    def __init__(self, registry: Registry) -> None:
        self._paths = {
            cage.file.decodes or cage.file.protocol: cage.path / "wire.py"
            for cage in reversed(registry.cages)
            if (cage.path / "wire.py").is_file()
        }
        self._loaded: dict[str, Codec] = {}

    @property
    def protocols(self) -> list[str]:
        return sorted(self._paths)

    def __contains__(self, protocol: str) -> bool:
        return protocol in self._paths

    def __getitem__(self, protocol: str) -> Codec:
        if protocol not in self._loaded:
            path = self._paths[protocol]
            # By path, under a name of its own: `uwsgi` is also the name of a module that is installed. As a package, so
            # that a long protocol may have a second file: `from .wire_layout import …`.
            name = f"zoo_wire_{path.parent.name}"
            places = [str(path.parent)]
            spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=places)
            assert spec is not None
            assert spec.loader is not None
            module = sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            self._loaded[protocol] = cast("Codec", module)
        return self._loaded[protocol]
