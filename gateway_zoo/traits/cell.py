"""A cell as a probe sees it: it sends requests, reads logs and processes, and keeps what it saw as evidence.

Every exchange becomes evidence by itself. A probe adds with `note` what else its answer rests on.
"""

import concurrent.futures
import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any

import psutil

from gateway_zoo.keeper import families, process, ready, state
from gateway_zoo.keeper.own_zoo import OwnZoo
from gateway_zoo.registry.cagefile import Exhibit, Family
from gateway_zoo.registry.plans import Cell as Place
from gateway_zoo.traits.exchange import SECONDS, Exchange, Part, exchange
from gateway_zoo.traits.outcome import NotAsked, Unknown
from gateway_zoo.traits.records import Evidence

SHOWN = 700  # bytes of a request or a piece that evidence shows
PIECES = 12  # pieces of an answer that evidence shows
BACK_S = 20.0  # until a family that a probe has disturbed must answer again

Headers = Iterable[tuple[str, str]]


class Cell:
    """One exhibit behind one front, in the zoo of the traits. `path`: `/<exhibit>/<trait>`, where the trait's program
    answers. `stopped`: Ctrl-C was pressed, so nothing is to wait any more."""

    def __init__(self, zoo: OwnZoo, place: Place, trait: str, stopped: threading.Event | None = None) -> None:
        self.zoo = zoo
        self.stopped = stopped or threading.Event()
        self.place = place
        self.front = place.front
        self.exhibit: Exhibit = zoo.plan.registry.exhibits[place.exhibit]
        self.family: Family = zoo.plan.registry.family_of(place.exhibit)
        self.path = f"/{place.exhibit}/{trait}"
        self.host, self.port = "127.0.0.1", zoo.settings.port(place.front)
        self.evidence: list[Evidence] = []
        self.well = False  # did the last exchange end with a 200?

    def __repr__(self) -> str:
        return f"{self.exhibit.id} behind {self.front}"

    @property
    def protocol(self) -> str:
        """What crosses the wire: "FastCGI", "HTTP", …; "none" where the program lives in the front."""
        return self.zoo.plan.registry.protocol_of(self.exhibit.id)

    @property
    def inside(self) -> bool:
        """Does the program live inside this front, so that the front starts and ends it?"""
        return self.zoo.plan.registry.runs_inside(self.exhibit.id, self.front)

    # --- requests -----------------------------------------------------------------------------------------------------

    def request(
        self,
        path: str = "/",
        method: str = "GET",
        headers: Headers = (),
        body: bytes | None = None,
        *,
        absolute: bool = False,
        close: bool = True,
    ) -> bytes:
        """Make the bytes of a request. `path` follows `/<exhibit>/<trait>`, or is the whole target if `absolute`. A
        body gets its Content-Length."""
        lines = [f"{method} {path if absolute else self.path + path} HTTP/1.1", f"Host: localhost:{self.port}"]
        lines += ["Connection: close"] if close else []
        lines += [f"{name}: {value}" for name, value in headers]
        lines += [f"Content-Length: {len(body)}"] if body is not None else []
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")

    def ask(
        self,
        path: str = "/",
        method: str = "GET",
        headers: Headers = (),
        body: bytes | None = None,
        *,
        seconds: float = SECONDS,
    ) -> Exchange:
        """Send one request on a connection of its own, and read until the front closes it."""
        return self.send(self.request(path, method, headers, body), seconds=seconds)

    def send(
        self,
        *parts: Part,
        seconds: float = SECONDS,
        until_whole: bool = False,
        on: socket.socket | None = None,
        quiet: bool = False,
    ) -> Exchange:
        """Send bytes, with pauses (numbers: seconds) between them. `quiet`: it is no evidence."""
        seen = exchange(self.host, self.port, parts, seconds=seconds, until_whole=until_whole, on=on)
        self.well = seen.status == 200
        if not quiet:
            self.evidence += shown(seen)
        return seen

    def connect(self) -> socket.socket:
        """An open connection to the front; the caller closes it. Raises OSError."""
        return socket.create_connection((self.host, self.port), timeout=SECONDS)

    def connect_to_gateway(self) -> socket.socket:
        """An open connection to the gateway itself, past the front; the caller closes it. Raises OSError, NotAsked."""
        if self.protocol != "HTTP":
            raise NotAsked("the gateway speaks no HTTP")
        host, _, port = self.zoo.plan.address(self.exhibit).rpartition(":")
        if host:
            return socket.create_connection((host, int(port)), timeout=SECONDS)
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self.zoo.settings.sockets / self.exhibit.unix))
        return connection

    @property
    def path_at_gateway(self) -> str:
        """`path`, as a gateway gets it that speaks HTTP."""
        return self.path.removeprefix(f"/{self.exhibit.id}") if self.exhibit.front_strips_prefix else self.path

    def facts(self, seen: Exchange) -> dict[str, Any]:
        """The JSON that the trait's program answered. Raises Unknown where it is none."""
        try:
            facts = json.loads(seen.body)
        except ValueError:
            facts = None
        if seen.status != 200 or not isinstance(facts, dict):
            other = "200, another body" if seen.body else "200, empty"
            raise Unknown(f"the program did not answer: {seen.refused or seen.refusal or other}")
        return facts

    def ask_facts(
        self, path: str = "/", method: str = "GET", headers: Headers = (), body: bytes | None = None
    ) -> dict[str, Any]:
        """`ask` and `facts`."""
        return self.facts(self.ask(path, method, headers, body))

    def send_at_once(self, request: bytes, count: int = 0) -> list[Exchange]:
        """Send a request several times at once. Without a count there are so many that no process can take all of
        them: if the program takes a moment for each, every process answers. The first exchange becomes evidence."""
        count = count or max(8, self.family.threads + 4)
        with concurrent.futures.ThreadPoolExecutor(count) as pool:
            exchanges = list(pool.map(lambda _: self.send(request, quiet=True), range(count)))
        self.evidence += shown(exchanges[0])
        return exchanges

    def facts_at_once(self, path: str = "/", count: int = 0) -> list[dict[str, Any]]:
        """`send_at_once` and `facts`."""
        answers = [self.facts(each) for each in self.send_at_once(self.request(path), count)]
        self.note(f"{len(answers)} answers", "\n".join(json.dumps(answer) for answer in answers))
        return answers

    def note(self, title: str, text: str) -> None:
        """Keep what the answer rests on."""
        self.evidence.append(Evidence(title, text[: 4 * SHOWN]))

    def reaches_the_program(self) -> bool:
        """Does this exhibit run the program of the traits, and no program of its own?"""
        target = f"/{self.exhibit.id}/-traits"
        return self.send(self.request(target, absolute=True), quiet=True).body == b"traits\n"

    # --- processes and logs -------------------------------------------------------------------------------------------

    def processes(self) -> list[psutil.Process]:
        """The living processes of the family, the oldest first. One inside Apache is told by its name; a process that
        lives for one request may be there or not."""
        now = state.read(self.zoo.settings)
        if now is None:
            raise Unknown("the zoo of the traits has ended")
        born = families.living(now.token, now.sessions, self.zoo.run).get(self.family.id, [])
        processes = []
        for one in born:
            with contextlib.suppress(psutil.Error):
                processes.append(psutil.Process(one.pid))
        return processes

    def front_processes(self) -> list[psutil.Process]:
        """The living processes of the front."""
        return self.zoo.processes(self.front)

    def signal(self, pid: int, number: signal.Signals) -> None:
        """Send a signal to a process of the zoo of the traits; to no other."""
        now = state.read(self.zoo.settings)
        process.send(pid, number, now.token if now else None, self.zoo.run)

    def log(self, name: str = "") -> bytes:
        """The log of a family or a front, as it is now; of this cell's family if no name is given."""
        name = name or (self.family.id if self.family.command and not self.inside else self.family.runs_in)
        try:
            return self.zoo.log(name).read_bytes()
        except FileNotFoundError:
            return b""

    def logs_with(self, mark: bytes, seconds: float = 1.0) -> list[str]:
        """Names of the logs that have the mark, after at most so many seconds."""
        deadline = time.monotonic() + seconds
        while True:
            names = [file.stem for file in self.zoo.settings.logs.glob("*.log") if mark in file.read_bytes()]
            if names or time.monotonic() > deadline:
                return sorted(names)
            time.sleep(0.05)

    # --- a family that a probe has disturbed --------------------------------------------------------------------------

    def answers(self) -> bool:
        """Does the cell answer ping?"""
        return ready.answers(self.place)

    def wait_until_back(self, seconds: float = BACK_S) -> bool:
        """Wait until the cell answers ping; not after Ctrl-C, which removes the zoo of the traits."""
        deadline = time.monotonic() + seconds
        while not self.answers():
            if time.monotonic() > deadline or self.stopped.wait(0.05):
                return False
        return True

    def only_with_a_socket(self) -> None:
        """Raise NotAsked where the program lives in the front."""
        if self.inside:
            raise NotAsked(f"the program lives inside {self.front}")


def shown(seen: Exchange) -> list[Evidence]:
    """An exchange as evidence: the request, and each piece of the answer with its time."""
    pieces = [f"[{piece.ms:.0f} ms, {len(piece.data)} bytes]\n{text(piece.data)}" for piece in seen.pieces[:PIECES]]
    if len(seen.pieces) > PIECES:
        pieces.append(f"[{len(seen.pieces) - PIECES} more pieces]")
    end = f"[{seen.ended} after {seen.ms:.0f} ms]" if not seen.refused else f"[no connection: {seen.refused}]"
    return [Evidence("request", text(seen.sent)), Evidence("response", "\n".join([*pieces, end]))]


def text(data: bytes) -> str:
    """Bytes as printable lines: line ends end lines, every other control byte is escaped."""
    cut = data[:SHOWN]
    lines = cut.decode("latin-1").replace("\r\n", "\n").split("\n")
    escaped = ["".join(c if c.isprintable() and c.isascii() else f"\\x{ord(c):02x}" for c in line) for line in lines]
    more = [f"[{len(data) - SHOWN} more bytes]"] if len(data) > SHOWN else []
    return "\n".join([*escaped, *more])


def ours(pids: Sequence[int]) -> list[int]:
    """Those of the pids that still exist."""
    return [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
