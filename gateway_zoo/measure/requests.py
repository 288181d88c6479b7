"""Join the front's log line and the app's line by the request id.

The front's line (nginx/nginx.conf, apache/httpd.conf) has the time of the request in the front, and the time of the
gateway. The app's line (app/zoo_app.py) has the time of the app itself, and its process. The gateway takes the rest.

The order of requests is the order of their ends in the front, for all fronts.

What trips people up: the two lines stand in two files, and either may be read first. A request waits a moment for its
other line, and holds back the requests that ended after it. A request that nginx answered itself has no other line, and
does not wait. nginx logs the end of a request, Apache (%t) its beginning. No I/O here.
"""

import itertools
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
    """One request. Times in ms; None where the line with the value is missing."""

    id: str
    time: float  # of its end in the front, unix
    front: str | None = None
    exhibit: str | None = None
    request: str | None = None
    status: int | None = None
    bytes: int | None = None
    front_ms: float | None = None
    gateway_ms: float | None = None
    app_ms: float | None = None
    pid: int | None = None

    @property
    def method_and_path(self) -> str:
        """Return the request line without the HTTP version."""
        return re.sub(r" HTTP/[\d.]+\Z", "", self.request or "-")


@dataclass
class Joiner:
    """Requests of which a line is missing. `clock`: monotonic seconds."""

    clock: Callable[[], float] = time.monotonic
    waiting: dict[str, Request] = field(default_factory=dict)
    until: dict[str, float] = field(default_factory=dict)  # request id -> when it stops waiting for the app's line

    def add(self, lines: Iterable[str]) -> None:
        """Read lines; pass over those that are neither the front's nor the app's."""
        for line in lines:
            if match := FRONT.match(line):
                _from_front(self._request(match["id"]), match)
                no_gateway = match["front"] == "nginx" and match["in_gateway"] == "-"
                self.until[match["id"]] = self.clock() + (0 if no_gateway else PATIENCE_S)
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
                self.until.pop(oldest, None)
            self.waiting[id] = Request(id, 0)
        return self.waiting[id]

    def ready(self, all_of_them: bool = False) -> list[Request]:
        """Return, once, the requests that wait for nothing, in order.

        A request waits for the app's line, PATIENCE_S at most, and for the requests that ended before it. A line that
        is read later than PATIENCE_S after its request's end may be out of order. `all_of_them`: every request of which
        the front's line was read.
        """
        now = self.clock()
        ordered = sorted((self.waiting[id] for id in self.until), key=lambda request: request.time)
        complete = itertools.takewhile(
            lambda request: all_of_them or request.app_ms is not None or now >= self.until[request.id], ordered
        )
        requests = list(complete)
        for request in requests:
            del self.waiting[request.id], self.until[request.id]
        return requests


def _from_front(request: Request, match: re.Match[str]) -> None:
    """Take the values of the front's line. nginx writes seconds, and the time of the end. Apache writes microseconds,
    and the time of the beginning in ms."""
    nginx = match["front"] == "nginx"
    scale = 1000 if nginx else 0.001
    took_ms = float(match["in_front"]) * scale
    request.time = float(match["time"]) if nginx else (float(match["time"]) + took_ms) / 1000
    request.front, request.exhibit, request.request = match["front"], match["exhibit"], match["request"]
    request.status, request.bytes = int(match["status"]), int(match["bytes"])
    request.front_ms = round(took_ms, 1)
    in_gateway = re.fullmatch(r"[\d.]+", match["in_gateway"])
    request.gateway_ms = round(float(match["in_gateway"]) * scale, 1) if in_gateway else None
