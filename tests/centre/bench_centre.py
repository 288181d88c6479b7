"""`make bench-centre`: what the visitor centre costs: shares of a core, the delay of a click, memory, weight, start.

Each figure is taken several times, quiet and busy spans in turn, because the speed of a machine drifts within minutes.
What is printed is the median with the smallest and the largest, and the limit beside it: the project's promise. Exit
status 1 if a median misses its limit.

The share of a core is the CPU of the centre's processes (its children, too) by the clock on the wall; what the sampling
of the other processes costs is in it, because the centre does it.
"""

import asyncio
import contextlib
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from browser import chromium, close
from centre_in_test import CentreZoo
from centre_states import PATHS, visit
from zoo_in_test import eventually

from gateway_zoo.centre import page as pages

if TYPE_CHECKING:
    from playwright.sync_api import Page as Tab
    from playwright.sync_api import Response

ROUNDS = 5
SPAN_S = 10.0
CLICKS = 30
PAIRS = 8
VIEWERS = 200
LIVE = [f"/api/{name}/live" for name, page in pages.find().items() if page.live]


@dataclass
class Measured:
    """A promise: its values in one unit; it holds when the median is at most `limit`."""

    name: str
    unit: str
    limit: float
    values: list[float]

    def line(self) -> str:
        middle, least, most = statistics.median(self.values), min(self.values), max(self.values)
        spread = f"{least:.2f} to {most:.2f}"
        verdict = "holds" if self.holds else "MISSED"
        return f"{self.name:58} {middle:8.2f} {spread:>18}  at most {self.limit:<6g} {self.unit:10} {verdict}"

    @property
    def holds(self) -> bool:
        return statistics.median(self.values) <= self.limit


# --- shares of a core -------------------------------------------------------------------------------------------------


def family(zoo: CentreZoo) -> list[psutil.Process]:
    centre = psutil.Process(zoo.session("centre"))
    return [centre, *centre.children(recursive=True)]


def cpu_s(processes: list[psutil.Process]) -> float:
    """CPU seconds of all threads (/proc/PID/task/TID/schedstat: nanoseconds)."""
    tasks = [task for process in processes for task in Path(f"/proc/{process.pid}/task").iterdir()]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def share(zoo: CentreZoo, seconds: float = SPAN_S) -> float:
    """Per cent of a core during the next seconds."""
    before, began = cpu_s(family(zoo)), time.perf_counter()
    time.sleep(seconds)
    return (cpu_s(family(zoo)) - before) / (time.perf_counter() - began) * 100


def measure_shares(zoo: CentreZoo) -> list[Measured]:
    """Nobody looks, and one looks at the processes; in turn."""
    quiet, viewed = [], []
    for _ in range(ROUNDS):
        quiet.append(share(zoo))
        with opened(zoo, PATHS["processes"]):
            time.sleep(2)  # the whole has been sent
            viewed.append(share(zoo))
        time.sleep(2)  # the viewer is gone
    return [
        Measured("nobody looks: the centre's share of a core", "%", 0.5, quiet),
        Measured("one viewer of the processes: share of a core", "%", 3, viewed),
    ]


def measure_viewers(zoo: CentreZoo) -> Measured:
    """Many viewers of the live pages, evenly."""
    return Measured(f"{VIEWERS} viewers of the live pages: share of a core", "%", 25, asyncio.run(_viewed(zoo)))


async def _viewed(zoo: CentreZoo) -> list[float]:
    readers = [asyncio.create_task(_view(zoo, LIVE[number % len(LIVE)])) for number in range(VIEWERS)]
    await asyncio.sleep(5)
    assert not any(reader.done() for reader in readers), "each has its stream"
    shares = [await asyncio.to_thread(share, zoo) for _ in range(ROUNDS)]
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    return shares


async def _view(zoo: CentreZoo, path: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", zoo.centre)
    with contextlib.closing(writer):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{zoo.centre}\r\n\r\n".encode())
        assert b" 200 " in await reader.readline()
        while await reader.read(65536):
            pass


# --- a click, weight, memory ------------------------------------------------------------------------------------------


@contextmanager
def opened(zoo: CentreZoo, path: str) -> "Iterator[Tab]":
    with chromium() as browser, browser.new_context(viewport={"width": 1280, "height": 720}) as context:
        tab = context.new_page()
        visit(tab, zoo.origin + path)
        yield tab


#: Press Send; the milliseconds until the way is drawn, less those of the request itself (to /ping: below one).
CLICK = """() => new Promise((done) => {
  const ways = document.getElementById("ways"), began = performance.now();
  const observer = new MutationObserver(() => {
    if (!ways.querySelector(".way")) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
  });
  observer.observe(ways, { childList: true, subtree: true });
  document.getElementById("send").click();
})"""


def measure_click(zoo: CentreZoo) -> Measured:
    """Send of the page "Follow", the recording fronts warm. The request's own time is asked of the front in between."""
    values = []
    with opened(zoo, "/follow?exhibit=fastcgi&front=nginx&endpoint=/ping") as tab:
        for number in range(CLICKS + 3):
            delay = tab.evaluate(CLICK)
            tab.locator("#send:enabled").wait_for()
            own = timed(lambda: zoo.get("fastcgi", "nginx"))
            if number >= 3:  # the first start the fronts and warm them up
                values.append(delay - own * 1000)
    return Measured("a click on Send until it is drawn, less the request's time", "ms", 150, values)


def measure_weight(zoo: CentreZoo) -> list[Measured]:
    """The bytes of all files and data that a page loads."""
    weights = []
    for name, path in PATHS.items():
        with chromium() as browser, browser.new_context() as context:
            sizes = list[int]()
            tab = context.new_page()
            tab.on("response", partial(_weigh, sizes))
            visit(tab, zoo.origin + path)
        weights.append(Measured(f"the page {name}", "kB", 150, [sum(sizes) / 1000]))
    return weights


def _weigh(sizes: list[int], answer: "Response") -> None:
    sizes.append(int(answer.headers.get("content-length", 0)))


def measure_memory(zoo: CentreZoo) -> Measured:
    """PSS of the centre itself, after all of the above; its recording fronts are other processes."""
    centre = psutil.Process(zoo.session("centre"))
    return Measured("memory of the centre (PSS)", "MB", 60, [centre.memory_full_info().pss / 1e6])


# --- start ------------------------------------------------------------------------------------------------------------


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure_start(zoo: CentreZoo) -> Measured:
    """`up -d` of everything with the centre, next to the same without; in pairs, and in both orders."""
    port, ratios = zoo.env["ZOO_CENTRE_PORT"], []
    for number in range(PAIRS):
        times = {}
        for centre in (port, "0") if number % 2 else ("0", port):
            zoo.env["ZOO_CENTRE_PORT"] = centre
            times[centre] = timed(zoo.up)
            zoo.down()
        ratios.append(times[port] / times["0"])
    zoo.env["ZOO_CENTRE_PORT"] = port
    return Measured("zoo up with the centre, next to without", "x", 1.1, ratios)


def main() -> int:
    zoo = CentreZoo()
    try:
        print(f"{os.cpu_count()} cores; load {os.getloadavg()[0]:.1f} before", flush=True)
        measured = [measure_start(zoo)]
        zoo.up()
        eventually(lambda: zoo.ask("/").status == 200, 10, "the centre answers")
        measured.append(measure_viewers(zoo))  # before a browser: its driver has an event loop in this thread
        measured += [*measure_shares(zoo), measure_click(zoo), *measure_weight(zoo)]
        measured.append(measure_memory(zoo))
    finally:
        close()
        zoo.close()
    print(*(each.line() for each in measured), sep="\n")
    return 0 if all(each.holds for each in measured) else 1


if __name__ == "__main__":
    sys.exit(main())
