"""Make the text of `up`: a line to copy for each exhibit, the pages, and what is closed and why.

An exhibit is shown with all its fronts, in their order. Closed exhibits stand behind their reason, closed fronts apart;
exhibits that this start left out are only counted.
"""

from gateway_zoo.measure import class_addresses
from gateway_zoo.registry import plans, why_closed
from gateway_zoo.registry.plans import Cell, Plan
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
    texts += [
        text
        for page, title in plans.pages(plan.registry, plan.cells, front).items()
        for text in _page(f"{url}{page}", title, width)
    ]
    texts += for_a_class(plan)
    return [*texts, *closed_lines(plan, plan.cells, width), "", *columns.words(NEXT, width)]


def _page(url: str, title: str, width: int) -> list[str]:
    """A page's address and title; the title has a line of its own where one is too short."""
    address = f"{'in a browser':{FIRST}} {url}"
    line = f"{address:{FIRST + 44}} {title}"
    return [line] if len(line) <= width else [address, f"{'':{FIRST}} {title}"]


def for_a_class(plan: Plan) -> list[str]:
    """The address of each front for other machines, to copy onto the board: where ZOO_LISTEN has opened the fronts."""
    addresses = class_addresses.addresses(plan.settings, plan.fronts)
    return [f"{'for the class':{FIRST}} {each.url} ({each.front})" for each in addresses]


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
