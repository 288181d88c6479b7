"""`make bench-centre`: what the visitor centre costs, and how soon it draws; each figure with its limit beside it.

    nobody looks        share of a core of the centre, and of its children
    one viewer          the same, while a tab shows the processes: sampling is part of the centre
    200 viewers         the same, with 200 streams of each live page
    Send                from the click until the way is drawn, less the request's own time; the recording fronts warm
    memory              PSS of the centre at its start, and after all pages and their main acts
    weight              bytes of the files of the heaviest page
    up                  `up -d` with the centre next to `up -d` without, in turns

Rounds are interleaved, because the speed of a machine drifts; what is printed is the median, with the smallest and the
largest. Exit status 1 if a median misses its limit.
"""

import contextlib
import os
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from browser import chromium, close
from centre_in_test import CentreZoo
from centre_pages import addresses, requests_of, visit
from rich.console import Console
from rich.table import Table
from zoo_in_test import Zoo, eventually

from gateway_zoo.centre import page as pages

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab

ROUNDS = 5
SECONDS = 10.0  # of one look at the CPU: two sweeps of the processes
CLICKS = 20
PAIRS = 7
VIEWERS = 200
EXHIBITS = ("cgi", "fastcgi", "uwsgi", "mod_wsgi", "scgi", "wsgi", "asgi", "ajp")


@dataclass
class Figure:
    """Values of one promise; its median may be at most `limit`."""

    name: str
    unit: str
    limit: float
    values: list[float]

    @property
    def middle(self) -> float:
        return statistics.median(self.values)

    @property
    def holds(self) -> bool:
        return self.middle <= self.limit

    def row(self) -> list[str]:
        """The line of the table."""
        spread = f"{min(self.values):.3g} to {max(self.values):.3g}"
        return [
            self.name,
            f"{self.middle:.3g} {self.unit}",
            spread,
            f"{self.limit:g} {self.unit}",
            "holds" if self.holds else "MISSED",
        ]


# --- CPU --------------------------------------------------------------------------------------------------------------


def cpu_s(centre: CentreZoo) -> float:
    """CPU seconds of all processes in the centre's session, also of those that have ended (proc(5): stat)."""
    session, ticks = centre.session("centre"), 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == session:
                ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


def share(centre: CentreZoo) -> float:
    """Per cent of a core in the next seconds."""
    before, began = cpu_s(centre), time.monotonic()
    time.sleep(SECONDS)
    return 100 * (cpu_s(centre) - before) / (time.monotonic() - began)


@contextlib.contextmanager
def streams(centre: CentreZoo, paths: list[str], count: int) -> Iterator[None]:
    """So many viewers of each stream, which read what comes."""
    with contextlib.ExitStack() as stack:
        head = "GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n"
        readers = stack.enter_context(ThreadPoolExecutor(1))
        connections = []
        for path in paths * count:
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", centre.centre), timeout=20))
            connection.sendall(head.format(path, centre.centre).encode())
            connection.setblocking(False)
            connections.append(connection)
        ended: list[bool] = []
        stack.callback(ended.append, True)
        readers.submit(_drain, connections, ended)
        time.sleep(2)  # the first data
        yield


def _drain(connections: list[socket.socket], ended: list[bool]) -> None:
    while not ended:
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.recv(1 << 20)
        time.sleep(0.2)


def measure_cpu(centre: CentreZoo) -> list[Figure]:
    """Nobody, one viewer in a browser, 200 viewers, in turns."""
    live = [f"/api/{name}/live" for name, page in pages.find().items() if page.live]
    figures = [
        Figure("nobody looks", "% of a core", 0.5, []),
        Figure("one viewer of the processes", "% of a core", 3, []),
        Figure(f"{VIEWERS} viewers of {', '.join(live)}", "% of a core", 25, []),
    ]
    for _ in range(ROUNDS):
        time.sleep(1)
        figures[0].values.append(share(centre))
        with chromium() as browser:
            visit(browser.new_page(), f"{centre.origin}/processes")
            time.sleep(1)
            figures[1].values.append(share(centre))
        with streams(centre, live, VIEWERS):
            figures[2].values.append(share(centre))
    return figures


# --- Send -------------------------------------------------------------------------------------------------------------

#: From the click until the boxes of the way have been painted; less the longest way of the answer.
CLICK = """() => new Promise((done) => {
  const ways = document.getElementById("ways"), began = performance.now();
  const seen = new MutationObserver(() => requestAnimationFrame(() => setTimeout(() => {
    seen.disconnect();
    done(performance.now() - began);
  })));
  seen.observe(ways, { childList: true });
  document.getElementById("send").click();
})"""


def measure_send(centre: CentreZoo) -> Figure:
    """Click on Send, as a person does; the request's own time is in the answer."""
    figure = Figure("a click on Send, less the request's own time", "ms", 150, [])
    with chromium() as browser:
        tab = browser.new_page()
        visit(tab, f"{centre.origin}/follow")
        for number in range(CLICKS + 3):
            milliseconds = _click(tab)
            if number >= 3:  # till then the fronts and the program warm up
                figure.values.append(milliseconds)
    return figure


def _click(tab: "Tab") -> float:
    with tab.expect_response("**/api/follow/send") as answer:
        milliseconds = float(tab.evaluate(CLICK))
    (way,) = answer.value.json()["ways"]
    return milliseconds - float(way["total_ms"])


# --- memory, weight, start --------------------------------------------------------------------------------------------


def pss_mb(centre: CentreZoo) -> float:
    """PSS of the centre's own process."""
    text = Path(f"/proc/{centre.session('centre')}/smaps_rollup").read_text(encoding="ascii")
    return int(text.partition("\nPss:")[2].split()[0]) * 1024 / 1e6


def measure_weight(centre: CentreZoo) -> list[Figure]:
    """The files of each page: what its tab asks for, but for the data."""
    figures = []
    for name, path in addresses().items():
        with chromium() as browser:
            tab = browser.new_page()
            asked = requests_of(tab)
            visit(tab, centre.origin + path)
            files = {each.url.removeprefix(centre.origin) for each in asked if "/api/" not in each.url}
        size = sum(len(centre.ask(file, "Accept: text/html, */*").body) for file in files)
        figures.append(Figure(f"files of {name}", "kB", 150, [size / 1000]))
    return figures


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure_up() -> Figure:
    """`up -d` with the centre next to `up -d` without."""
    figure = Figure("up -d with the centre, next to up -d without", "x", 1.1, [])
    with CentreZoo() as centre, Zoo() as bare:
        for number in range(PAIRS + 1):
            ratio = timed(lambda: centre.up(*EXHIBITS)) / timed(lambda: bare.up(*EXHIBITS))
            centre.down()
            bare.down()
            if number:  # the first pair warms both up
                figure.values.append(ratio)
    return figure


def main() -> int:
    """Measure all, print the table."""
    with CentreZoo() as centre:
        centre.up(*EXHIBITS)
        eventually(lambda: centre.ask("/").status == 200, 10, "the centre answers")
        memory = [pss_mb(centre)]
        figures = [*measure_cpu(centre), measure_send(centre), *measure_weight(centre)]
        for path in addresses().values():
            centre.ask(path)
        memory.append(pss_mb(centre))
        figures.append(Figure("memory of the centre, at the end", "MB of PSS", 60, memory[1:]))
        figures.append(Figure("memory of the centre, at its start", "MB of PSS", 60, memory[:1]))
        close()
    figures.append(measure_up())
    table = Table("promise", "median", "spread", "at most", "")
    for figure in figures:
        table.add_row(*figure.row())
    Console(width=max(100, Console().width)).print(table)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
