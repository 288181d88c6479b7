"""`logs`: one line per request, the front's and the gateway's joined by the request id; other lines as they are.

The front's line (nginx/nginx.conf, apache/httpd.conf) tells how long the request took there, and how long the gateway
took; the app's line (app/zoo_app.py) how long the app itself took, and in which process. What is left between them is
the gateway.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gateway_zoo import show
from gateway_zoo.cagefile import FRONTS
from gateway_zoo.registry import load
from gateway_zoo.settings import Settings, kind
from gateway_zoo.speak import fail, known, print_json, printable

FRONT = re.compile(
    r"(?P<time>[\d.]+) (?P<id>\S+) (?P<front>nginx|apache) (?P<exhibit>\S+) (?P<status>\d+) (?P<bytes>\d+) "
    r'(?P<in_front>[\d.]+) (?P<in_gateway>\S+) "(?P<request>.*)"\Z'
)
APP = re.compile(
    r"(?:\[.*\] )?(?P<time>\d+\.\d{3}) (?P<id>\S+) (?P<exhibit>\S+) (?P<endpoint>\S+) (?P<status>\d+) (?P<bytes>\d+) "
    r"(?P<ms>[\d.]+) (?P<pid>\d+) (?P<thread>\d+)\Z"
)
READ = 2_000_000  # bytes from the end of each log: plenty for what a screen shows


@dataclass
class Request:
    """One request. Times in ms; None where the line that would tell is missing."""

    id: str
    time: float  # unix
    front: str | None = None
    exhibit: str | None = None
    request: str | None = None
    status: int | None = None
    bytes: int | None = None
    front_ms: float | None = None
    gateway_ms: float | None = None
    app_ms: float | None = None
    pid: int | None = None


def run(made: Settings, ids: list[str] | None, follow: bool, count: int, as_json: bool) -> int:
    """The last `count` requests, oldest first; with `follow`, then those that come."""
    if made.compose:
        fail("in containers Compose has the logs: docker compose logs --follow", 3)
    wanted = known(ids, list(load(made.root).exhibits))
    if not made.logs.is_dir():
        fail(f"no zoo has run in {made.run}; ./zoo up starts one", 3)
    requests = [r for r in join(_tail(made.logs)) if not wanted or r.exhibit in wanted][-count:]
    if as_json:
        print_json([asdict(request) for request in requests])
        return 0
    out = show.console()
    out.print(f"{'time':12} {'front':6} {'exhibit':17} {'st':>3} {'front':>7} {'gateway':>7} {'app':>6} ms  {'pid':>7}")
    for request in requests:
        _print(request, out)
    while follow:
        time.sleep(0.3)
        for request in [r for r in join(_tail(made.logs)) if r.time > requests[-1].time] if requests else []:
            if not wanted or request.exhibit in wanted:
                _print(request, out)
                requests.append(request)
    return 0


def _tail(logs: Path) -> Iterator[str]:
    for path in sorted(logs.glob("*.log")):
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - READ))
            yield from file.read().decode("utf-8", "replace").splitlines()


def join(lines: Iterator[str]) -> list[Request]:
    """Requests in the order of their end in the front. Lines that are neither front's nor app's are passed over."""
    found: dict[str, Request] = {}
    for line in lines:
        if match := FRONT.match(line):
            _from_front(found.setdefault(match["id"], Request(match["id"], 0)), match)
        elif match := APP.match(line):
            request = found.setdefault(match["id"], Request(match["id"], float(match["time"])))
            request.app_ms, request.pid = float(match["ms"]), int(match["pid"])
            request.exhibit = request.exhibit or match["exhibit"]
    return sorted(
        (r for r in found.values() if r.front and kind(r.front) in FRONTS),
        key=lambda request: request.time,
    )


def _from_front(request: Request, match: re.Match[str]) -> None:
    """nginx writes seconds, Apache microseconds and a time in ms."""
    nginx = match["front"] == "nginx"
    scale = 1000 if nginx else 0.001
    request.time = float(match["time"]) / (1 if nginx else 1000)
    request.front, request.exhibit, request.request = match["front"], match["exhibit"], match["request"]
    request.status, request.bytes = int(match["status"]), int(match["bytes"])
    request.front_ms = round(float(match["in_front"]) * scale, 1)
    asked = re.fullmatch(r"[\d.]+", match["in_gateway"])
    request.gateway_ms = round(float(match["in_gateway"]) * scale, 1) if asked else None


def _print(request: Request, out: Any) -> None:
    clock = time.strftime("%H:%M:%S", time.localtime(request.time)) + f".{int(request.time * 1000) % 1000:03d}"
    times = " ".join(
        f"{'-' if value is None else f'{value:.1f}':>{width}}"
        for value, width in ((request.front_ms, 7), (request.gateway_ms, 7), (request.app_ms, 6))
    )
    line = f"{clock} {request.front:6} {request.exhibit:17} {request.status} {times}     {request.pid or '-':>7}"
    if out.width >= 110:
        line += f"  {request.id[:26]:26} {printable(request.request)}"
    out.print(line, markup=False, no_wrap=True, overflow="ellipsis")
