"""A relay in a thread of the test's, between a listening socket and whatever stands behind it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway_zoo.serving.listen import listener
from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.recorder.relay import Relay, Target
from gateway_zoo.wire.recording import AnyEntry, Bytes, Opened


@contextmanager
def relayed(place: str | tuple[str, int], door: str) -> Iterator[tuple[str | tuple[str, int], list[AnyEntry], Relay]]:
    """Where to connect to, what the relay has told, and the relay."""
    told: list[AnyEntry] = []
    relay = Relay(told.append)
    listening = listener(door)
    name = listening.getsockname()
    relay.add(listening, Target("uwsgi", "nginx", "uwsgi", "uwsgi.sock", place))
    thread = threading.Thread(target=relay.run)
    thread.start()
    try:
        yield name, told, relay
    finally:
        relay.stop()
        thread.join(10)
        assert not thread.is_alive()


def connected(place: str | tuple[str, int]) -> socket.socket:
    """A connection. One that is reset at once may raise here or when it is used: the kernel decides."""
    made = socket.socket(socket.AF_UNIX if isinstance(place, str) else socket.AF_INET)
    made.settimeout(10)
    try:
        made.connect(place)
    except OSError:
        made.close()
        raise
    return made


def gateway(place: str | tuple[str, int]) -> socket.socket:
    """A listening socket for the test to accept from."""
    made = listener(place if isinstance(place, str) else f"{place[0]}:{place[1]}")
    made.settimeout(10)
    return made


def kind(tmp_path: Path, tcp: bool) -> tuple[str, str]:
    """Addresses of a gateway and of a door, both unix or both TCP."""
    return ("127.0.0.1:0", "127.0.0.2:0") if tcp else (str(tmp_path / "g.sock"), str(tmp_path / "d.sock"))


def crossed(told: list[AnyEntry], direction: Direction, connection: int = 1) -> bytes:
    return b"".join(
        e.data for e in told if isinstance(e, Bytes) and e.direction == direction and e.connection == connection
    )


def opened(told: list[AnyEntry]) -> int:
    return sum(isinstance(entry, Opened) for entry in told)
