"""Make the text of `up`: a line to copy for each exhibit, the pages, and what is closed and why.

An exhibit is shown with all its fronts, in their order. Closed exhibits stand behind their reason, closed fronts apart;
exhibits that this start left out are only counted.
"""

import contextlib
import os
import socket

from gateway_zoo.registry import plans, why_closed
from gateway_zoo.registry.plans import Cell, Plan
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import columns

NEXT = "Next: ./zoo check   ./zoo compare   ./zoo ps   ./zoo logs   ./zoo down"
FIRST = 17  # columns of an exhibit's name


def lines(plan: Plan, width: int) -> list[str]:
    """Make all lines of `up` for a terminal of this width."""
    centre = plan.settings.centre_port
    texts = [f"{'visitor centre':{FIRST}} http://localhost:{centre}/"] if centre else []
    texts += [text for id in plan.registry.exhibits for text in _exhibit(plan, id, width)]
    front = plan.fronts[0]
    url = f"http://localhost:{plan.settings.port(front)}"
    texts += [text for page, title in plans.pages(plan, front).items() for text in _page(f"{url}{page}", title, width)]
    texts += for_a_class(plan)
    return [*texts, *closed_lines(plan, plan.cells, width), "", *columns.words(NEXT, width)]


def _page(url: str, title: str, width: int) -> list[str]:
    """A page's address and title; the title has a line of its own where one is too short."""
    address = f"{'in a browser':{FIRST}} {url}"
    line = f"{address:{FIRST + 44}} {title}"
    return [line] if len(line) <= width else [address, f"{'':{FIRST}} {title}"]


def for_a_class(plan: Plan) -> list[str]:
    """The address of each front for other machines, to copy onto the board: where ZOO_LISTEN has opened the fronts."""
    return [
        f"{'for the class':{FIRST}} http://{address}:{plan.settings.port(front)}/ ({front})"
        for address in class_addresses(plan.settings)
        for front in plan.fronts
    ]


def class_addresses(settings: Settings) -> list[str]:
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


def _exhibit(plan: Plan, id: str, width: int) -> list[str]:
    """The exhibit behind its first front, and where else it answers; in two lines where one is too short."""
    cells = [cell for front in plan.settings.fronts if (cell := plan.cell(id, front)).closed is None]
    if not cells:
        return []
    first = f"{id:{FIRST}} curl {cells[0].url.replace('http://127.0.0.1', 'localhost')}/hello"
    if also := _also(plan, cells[1:], width - FIRST - 1):
        aside = f"{first:{FIRST + 44}} {also}"
        return [aside] if len(aside) <= width else [first, f"{'':{FIRST}} {also}"]
    return [first]


def _also(plan: Plan, cells: list[Cell], room: int) -> str:
    """Further fronts with their ports; without the word Apache where that is too long."""
    ports = [(cell.front, plan.settings.port(cell.front)) for cell in cells]
    if len(ports) == 1:
        return f"also {ports[0][0]} on {ports[0][1]}"
    full = "also " + ", ".join(f"{front} on {port}" for front, port in ports) if ports else ""
    return full if len(full) <= room else full.replace("apache-", "").replace(" on ", " ")


def closed_lines(plan: Plan, cells: list[Cell], width: int) -> list[str]:
    """Make a line for each reason: fronts first, and last the number of exhibits left out."""
    shut = why_closed.fronts(plan.registry, cells)
    texts = [f"closed: {front}: {why}" for front, why in shut.items()]
    rest = [cell for cell in cells if cell.front not in shut]
    reasons = why_closed.by_reason(plan.registry, rest)
    left_out = reasons.pop(plans.LEFT_OUT, [])
    texts += [f"closed: {', '.join(names)}: {reason}" for reason, names in reasons.items()]
    texts += [f"left out: {len(left_out)} (./zoo up starts all)"] if left_out else []
    return [text for line in texts for text in columns.words(line, width)]
