"""Requests from log lines: the front's line and the app's, joined by the request id.

The front's line (nginx/nginx.conf, apache/httpd.conf) tells how long the request took there, and how long the gateway
took; the app's line (app/zoo_app.py) how long the app itself took, and in which process. What is left between them is
the gateway.

What trips people up: the two lines stand in two files, and either may be seen first. So a request waits a moment for
its other line; one that the front answered itself has no other line, and does not wait. No I/O here.
"""

import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

FRONT = re.compile(
    r"(?P<time>[\d.]+) (?P<id>\S+) (?P<front>nginx|apache(?:-\w+)?) (?P<exhibit>\S+) (?P<status>\d+) (?P<bytes>\d+) "
    r'(?P<in_front>[\d.]+) (?P<in_gateway>\S+) "(?P<request>.*)"\Z'
)
APP = re.compile(
    r"(?:\[.*\] )?(?P<time>\d+\.\d{3}) (?P<id>\S+) (?P<exhibit>\S+) (?P<endpoint>\S+) (?P<status>\d+) (?P<bytes>\d+) "
    r"(?P<ms>[\d.]+) (?P<pid>\d+) (?P<thread>\d+)\Z"
)
PATIENCE_S = 2.0  # for the app's line, when the front's has been read
MOST = 20_000  # requests of which one line has been read; the oldest are forgotten


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


@dataclass
class Joiner:
    """Requests of which a line is missing. `clock`: monotonic seconds."""

    clock: Callable[[], float] = time.monotonic
    waiting: dict[str, Request] = field(default_factory=dict)
    since: dict[str, float] = field(default_factory=dict)  # when the front's line was read

    def add(self, lines: Iterable[str]) -> None:
        """Lines that are neither the front's nor the app's are passed over."""
        for line in lines:
            if match := FRONT.match(line):
                _from_front(self._request(match["id"]), match)
                self.since[match["id"]] = self.clock()
            elif match := APP.match(line):
                request = self._request(match["id"])
                request.app_ms, request.pid = float(match["ms"]), int(match["pid"])
                request.time = request.time or float(match["time"])
                request.exhibit = request.exhibit or match["exhibit"]

    def _request(self, id: str) -> Request:
        if id not in self.waiting:
            if len(self.waiting) >= MOST:
                oldest = next(iter(self.waiting))
                del self.waiting[oldest]
                self.since.pop(oldest, None)
            self.waiting[id] = Request(id, 0)
        return self.waiting[id]

    def ready(self, all_of_them: bool = False) -> list[Request]:
        """Requests that are complete, or have waited long enough, by their end in the front; they are given once.
        `all_of_them`: of which the front's line is known."""
        now = self.clock()
        found = [
            self.waiting[id]
            for id, since in self.since.items()
            if all_of_them or self.waiting[id].app_ms is not None or now - since > PATIENCE_S
        ]
        for request in found:
            del self.waiting[request.id], self.since[request.id]
        return sorted(found, key=lambda request: request.time)


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
