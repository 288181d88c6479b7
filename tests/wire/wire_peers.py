"""For bench_wire.py: decoders of other people, each as a Contender.

What trips people up: flup reads from a socket; here from one that is always ready, without its calls of select.
"""

import importlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from http.client import parse_headers
from types import SimpleNamespace
from typing import Any

import h11
from wsproto.frame_protocol import FrameProtocol

from gateway_zoo.wire.events import Pairs

Variety = dict[str, str]  # what a contender has found


@dataclass
class Contender:
    """`prepare` makes all that is needed to decode the bytes once; the call of it is measured. `shown` tells what it
    has found."""

    name: str
    prepare: Callable[[bytes], Callable[[], Any]]
    shown: Callable[[Any], Variety]
    seconds: list[float] = field(default_factory=list)


def strings(pairs: Pairs) -> Variety:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}


def lowered(pairs: Pairs) -> Variety:
    return {name.lower(): value for name, value in strings(pairs).items()}


def peer(module: str) -> Any:
    """Most have no types."""
    return importlib.import_module(module)


class Ready:
    """A socket for flup from which everything can be read at once."""

    def __init__(self, data: bytes) -> None:
        self.recv = io.BytesIO(data).read

    def fileno(self) -> int:
        return -1


def flup_fastcgi() -> Contender:
    flup = peer("flup.server.fcgi_base")

    def prepare(data: bytes) -> Callable[[], Variety]:
        sock = Ready(data)
        connection = flup.Connection(sock, None, None, None)
        request = SimpleNamespace(params={})
        connection._requests[1], connection._start_request = request, lambda _: None
        return lambda: decode(sock, connection, request)

    def decode(sock: Ready, connection: Any, request: Any) -> Variety:
        while True:
            record = flup.Record()
            record.read(sock)
            if record.type == flup.FCGI_PARAMS:
                connection._do_params(record)
            elif record.type == flup.FCGI_STDIN and not record.contentLength:
                found: Variety = request.params
                return found

    return Contender("flup", prepare, dict)


def flup_scgi() -> Contender:
    flup = peer("flup.server.scgi_base")

    def decode(sock: Ready) -> Variety:
        parts = [part.decode("latin-1") for part in flup.readNetstring(sock).split(b"\0")[:-1]]
        return dict(zip(parts[::2], parts[1::2], strict=True))

    return Contender("flup", lambda data: partial(decode, Ready(data)), dict)


def flup_ajp() -> Contender:
    flup = peer("flup.server.ajp_base")

    found: list[Variety] = []
    # A request that is not run: its variables are all that we want.
    quiet = type("Quiet", (flup.Request,), {"run": lambda request: found.append(request.environ)})
    server = SimpleNamespace(requestClass=quiet, inputStreamShrinkThreshold=1, scriptName="", environ={})

    def prepare(data: bytes) -> Callable[[], Variety]:
        sock = Ready(data)
        return partial(decode, sock, flup.Connection(sock, None, server, None))

    def decode(sock: Ready, connection: Any) -> Variety:
        packet = flup.Packet()
        packet.read(sock)
        connection._forwardRequest(packet)
        return found.pop()

    return Contender("flup", prepare, from_environ)


def from_environ(environ: Variety) -> Variety:
    """What the headers were that became these variables."""
    names = {name: name[5:] for name in environ if name.startswith("HTTP_")}
    names |= {name: name for name in ("CONTENT_TYPE", "CONTENT_LENGTH") if name in environ}
    return {header.lower().replace("_", "-"): environ[name] for name, header in names.items()}


def fcgiproto() -> Contender:
    made = peer("fcgiproto").FastCGIConnection
    return Contender("fcgiproto", lambda data: partial(made().feed_data, data), lambda events: dict(events[0].params))


def fcgisgi() -> Contender:
    made = peer("fcgisgi.sansio").FastCGIConnection
    return Contender("fcgisgi", lambda data: partial(made().feed_data, data), lambda events: strings(events[1].params))


def sioscgi() -> Contender:
    made = peer("sioscgi.request").SCGIReader

    def events(reader: Any, data: bytes) -> Iterator[Any]:
        reader.receive_data(data)
        while event := reader.next_event():
            yield event
            if type(event).__name__ == "End":
                return

    def decode(reader: Any, data: bytes) -> list[Any]:
        return list(events(reader, data))

    return Contender(
        "sioscgi",
        lambda data: partial(decode, made(), data),
        lambda found: {name: value.decode("latin-1") for name, value in found[0].environment.items()},
    )


def gunicorn() -> Contender:
    read = peer("gunicorn.http.unreader").IterUnreader
    made = peer("gunicorn.uwsgi.message").UWSGIRequest
    config = SimpleNamespace(is_ssl=False)
    return Contender(
        "gunicorn", lambda data: partial(made, config, read([data]), ""), lambda found: dict(found.uwsgi_vars)
    )


def h11_alone() -> Contender:
    def decode(connection: h11.Connection, data: bytes) -> list[Any]:
        connection.receive_data(data)
        return [connection.next_event(), connection.next_event()]

    return Contender(
        "h11 alone",
        lambda data: partial(decode, h11.Connection(h11.SERVER), data),
        lambda events: lowered(list(events[0].headers)),
    )


def wsproto() -> Contender:
    """The payloads of a client's frames, by their number."""

    def decode(frames: FrameProtocol, data: bytes) -> list[Any]:
        frames.receive_bytes(data)
        return list(frames.received_frames())

    return Contender(
        "wsproto",
        lambda data: partial(decode, FrameProtocol(client=False, extensions=[]), data),
        lambda frames: {str(number): str(frame.payload) for number, frame in enumerate(frames)},
    )


def http_client() -> Contender:
    """The headers of a CGI response, as the standard library's HTTP client reads them (with its package email)."""
    return Contender(
        "http.client",
        lambda data: partial(parse_headers, io.BytesIO(data)),
        lambda found: {name.lower(): value for name, value in found.items()},
    )
