"""Where the time of a CGI request goes: the fork, the interpreter, the imports, the answer, the end.

The program of an exhibit is run here as a gateway runs it: by its first line, with the environment of a gateway and the
variables of a request. Its statements run in two steps, the imports and the rest, and the process writes down the time
after each. All times are of one clock, which the processes of a machine share (CLOCK_MONOTONIC).

One figure has a process of its own: a program that does nothing, started in the same way, shows what a fork and an exec
cost. The rounds take turns, so that a busy moment of the machine hits all figures alike.
"""

import ast
import http.client
import os
import shlex
import subprocess
import time
from pathlib import Path

import msgspec

from gateway_zoo.keeper import children
from gateway_zoo.measure import probe
from gateway_zoo.measure.time_parts import Part, part
from gateway_zoo.registry import places
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.plans import Cell
from gateway_zoo.settings import Settings

ROUNDS = 7
PATIENCE_S = 20.0  # for one run
#: What the interpreter runs: the two halves of the program, with a mark of time before, between and after.
STEPS = """import os, sys, time
marks, names = [time.monotonic()], {"__name__": "__main__"}
for step in sys.argv[1:3]:
    exec(step, names)
    marks.append(time.monotonic())
sys.stdout.flush()
os.write(int(sys.argv[3]), repr(marks).encode())
"""


class NotMeasured(Exception):
    """The program cannot be measured so; says why."""


class Inside(msgspec.Struct, frozen=True):
    """The parts of a cell's CGI request, in their order, over so many rounds."""

    exhibit: str
    front: str
    rounds: int
    parts: list[Part]


class Run(msgspec.Struct, frozen=True):
    """The moments of one run, in seconds: started, interpreter ready, imports done, answer written, process gone."""

    started: float
    ready: float
    imported: float
    answered: float
    gone: float


def of_cgi(settings: Settings, registry: Registry, cell: Cell) -> Inside:
    """Measure the program of a cell, and whole requests to this cell beside it. Raises NotMeasured."""
    exhibit, cage = registry.exhibits[cell.exhibit], registry.cage_of(cell.exhibit)
    program = cage.path / exhibit.program if exhibit.program else None
    command = interpreter(program) if program else []
    if program is None or "python3" not in command:
        raise NotMeasured(f"{cell.exhibit} starts no Python program for a request; so there is nothing to take apart")
    halves = split(program.read_text(encoding="utf-8"))
    with places.linked_for_now(settings) as linked:
        environment = children.environment(linked, exhibit.family, "") | variables(cell)
        nothing = [*command[:-1], "true"]
        try:
            rounds = [_round(cell, nothing, command, halves, environment, cage.path) for _ in range(ROUNDS)]
        except (OSError, ValueError, subprocess.SubprocessError, http.client.HTTPException) as error:
            raise NotMeasured(f"{program} cannot be measured: {type(error).__name__}: {error}") from None
    forks, runs, requests = (list(values) for values in zip(*rounds, strict=True))
    fork = part("fork", forks, f"`{shlex.join(nothing)}`, a program that does nothing, from start to end")
    born = [max(0.0, _ms(run.ready - run.started) - fork.ms) for run in runs]
    front = [max(0.0, whole - _ms(run.answered - run.started)) for whole, run in zip(requests, runs, strict=True)]
    parts = [
        part("front", front, f"GET /hello through {cell.front}, less all that follows but the end"),
        fork,
        part("interpreter", born, "from the start until Python runs the first line, less the fork"),
        part("imports", [_ms(run.imported - run.ready) for run in runs], f"the import lines of {program.name}"),
        part("answer", [_ms(run.answered - run.imported) for run in runs], f"the other lines of {program.name}"),
        part(
            "end", [_ms(run.gone - run.answered) for run in runs], "after the answer; the client does not wait for it"
        ),
    ]

    return Inside(cell.exhibit, cell.front, ROUNDS, parts)


def interpreter(program: Path) -> list[str]:
    """The words of a program's first line: `#!/usr/bin/env python3` -> ["/usr/bin/env", "python3"]. Raises OSError."""
    with open(program, encoding="utf-8", errors="replace") as file:
        line = file.readline()
    return shlex.split(line[2:]) if line.startswith("#!") else []


def split(source: str) -> tuple[str, str]:
    """The imports of a program, and its other statements."""
    body = ast.parse(source).body
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    others = [node for node in body if node not in imports]
    return (*("\n".join(map(ast.unparse, nodes)) for nodes in (imports, others)),)  # type: ignore[return-value]


def variables(cell: Cell) -> dict[str, str]:
    """The variables of GET /<exhibit>/hello (RFC 3875, section 4.1)."""
    names = {"REQUEST_METHOD": "GET", "SCRIPT_NAME": f"/{cell.exhibit}", "PATH_INFO": "/hello", "QUERY_STRING": ""}
    return names | {
        "GATEWAY_INTERFACE": "CGI/1.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
    }


def _round(
    cell: Cell,
    nothing: list[str],
    command: list[str],
    halves: tuple[str, str],
    environment: dict[str, str],
    folder: Path,
) -> tuple[float, Run, float]:
    """Return the ms of a fork, a run of the program, and the ms of a request to the cell."""
    began = time.monotonic()
    subprocess.run(nothing, env=environment, stdin=subprocess.DEVNULL, timeout=PATIENCE_S, check=True)
    fork = _ms(time.monotonic() - began)
    run = _run([*command, "-c", STEPS, *halves], environment, folder)
    answer = probe.ask(f"{cell.url}/hello", timeout=PATIENCE_S)
    if answer.status != 200:
        raise ValueError(f"{cell.url}/hello answers {answer.status}")
    return fork, run, answer.ms


def _run(command: list[str], environment: dict[str, str], folder: Path) -> Run:
    reading, writing = os.pipe()
    with open(reading, encoding="ascii") as marks:
        started = time.monotonic()
        try:
            done = subprocess.run(
                [*command, str(writing)],
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                pass_fds=(writing,),
                timeout=PATIENCE_S,
                check=True,
            )
        finally:
            os.close(writing)
        gone = time.monotonic()
        if b"Status: 200" not in done.stdout:
            raise ValueError(f"the program answered {done.stdout[:60]!r}")
        return Run(started, *msgspec.json.decode(marks.read(), type=tuple[float, float, float]), gone)


def _ms(seconds: float) -> float:
    return seconds * 1000
