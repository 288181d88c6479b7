"""The addresses for a class: by them other machines reach the fronts. `ZOO_LISTEN` opens the fronts to them.

    addresses(settings, fronts)    URLs, each with a QR code for telephones
    why_none(settings)             the reason for an empty list, and what opens the fronts

A container sees only its own networks, so it cannot know the addresses of its machine.
"""

import contextlib
import os
import socket
from collections.abc import Sequence

import msgspec

from gateway_zoo.settings import Settings


class ClassAddress(msgspec.Struct, frozen=True):
    """A front's URL for other machines: http://192.168.1.7:8080/."""

    front: str
    url: str


def addresses(settings: Settings, fronts: Sequence[str]) -> list[ClassAddress]:
    """The URL of each front at each address of this machine; the likeliest address first."""
    return [
        ClassAddress(front, f"http://{address}:{settings.port(front)}/")
        for address in of_this_machine(settings)
        for front in fronts
    ]


def why_none(settings: Settings) -> str:
    """The reason why there is no address for a class, and the cure."""
    if settings.compose:
        return (
            "A container does not know the addresses of its machine; `hostname -I` on the machine prints them. "
            "ZOO_BIND=0.0.0.0 docker compose up --wait opens the fronts to a class."
        )
    return "The fronts answer this machine only. ZOO_LISTEN=0.0.0.0 ./zoo up opens them to a class."


def qr(text: str) -> list[str]:
    """A QR code of a text: rows of the signs 1 (dark) and 0 (light), without a border (ISO/IEC 18004)."""
    import segno  # late: seldom needed

    return ["".join(str(int(dark)) for dark in row) for row in segno.make(text, micro=False).matrix]


def of_this_machine(settings: Settings) -> list[str]:
    """IPv4 addresses by which others reach this machine, as far as ZOO_LISTEN lets them. Source: the interfaces."""
    if not settings.listen or settings.listen.startswith("127."):
        return []
    if settings.listen != "0.0.0.0":  # noqa: S104 - compared
        return [settings.listen]
    import psutil  # late: seldom needed

    first = _address_outward()
    addresses = [
        entry.address
        for name, entries in psutil.net_if_addrs().items()
        for entry in entries
        if entry.family == socket.AF_INET and not entry.address.startswith("127.") and not _is_bridge(name)
    ]
    return list(dict.fromkeys([*([first] if first else []), *addresses]))


def _address_outward() -> str:
    """The address of this machine on the way to other networks, which a class most likely reaches; nothing is sent."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        trial.connect(("192.0.2.1", 9))  # an address for documentation (RFC 5737); UDP: only the route is looked up
        return str(trial.getsockname()[0])
    return ""


def _is_bridge(interface: str) -> bool:
    """Docker's and other programs' own networks: no student is in there."""
    return os.path.exists(f"/sys/class/net/{interface}/bridge")
