"""`logs`: one line per request, the front's line and the app's joined by the request id (measure/request_log.py).

The requests stand in the order of their ends, for all fronts; the time is that of the end. With `--follow` a request
waits up to two seconds for the app's line, and holds back the later ones.

The width of the terminal decides which columns survive. These stay: time, status, method and path, and the beginning of
the request's id. The others leave in this order: the exhibit, which the path names anyway, the app's and the gateway's
part, the front, the pid, the duration.

`zoo logs centre` prints the lines of the visitor centre as they are.

`--json` prints a list; `--json --follow` one object on each line, as they come (JSON Lines). It ends when the reader
goes away, and by Ctrl-C.
"""

import json
import os
import select
import sys
import time
from dataclasses import asdict
from pathlib import Path

from gateway_zoo.errors import fail, known_ids, printable
from gateway_zoo.keeper import state
from gateway_zoo.measure.log_files import Logs
from gateway_zoo.measure.request_log import RequestLog
from gateway_zoo.measure.requests import Request
from gateway_zoo.registry import why_closed
from gateway_zoo.registry.cages import Registry, load
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import columns, tables
from gateway_zoo.terminal.columns import Column
from gateway_zoo.terminal.messages import print_json, say

CENTRE = "centre"
LOOK_MS = 300  # between two looks at the files
WHOLE_ID = 150  # columns from which on the whole request id is shown
COLUMNS = (
    *(Column("time"), Column("st"), Column("request", least=24), Column("front ms", right=True, rank=1)),
    *(Column("gateway", right=True, rank=4), Column("app", right=True, rank=5), Column("pid", right=True, rank=2)),
    *(Column("id"), Column("front", rank=3), Column("exhibit", rank=6)),
)
#: Widths of the columns, as texts: rows come one by one, and all have the same.
TYPICAL = ["00:00:00.000", "200", "-" * 300, "12345.0", "12345.0", "12345.0", "1234567", "", "prefork", "-" * 17]


def run(settings: Settings, ids: list[str] | None, follow: bool, count: int, as_json: bool) -> int:
    """Print the last `count` requests, oldest first; with `follow` also the new ones.

    Exit 0; 3 if there can be no request.
    """
    settings.only_natively("in containers Compose has the logs: docker compose logs --follow")
    registry = load(settings.root)
    wanted = known_ids(ids, list(registry.exhibits), (CENTRE,))
    if CENTRE in wanted and (len(wanted) > 1 or as_json):
        fail("the visitor centre logs lines, not requests: zoo logs centre, without other words and without --json", 2)
    try:
        os.scandir(settings.logs).close()
    except FileNotFoundError:
        fail(f"no zoo has run in {settings.run}; ./zoo up starts one", 3)
    except OSError as error:
        fail(f"{settings.logs} cannot be read: {error.strerror}", 3)
    try:
        if wanted == [CENTRE]:
            return _lines(settings.logs / f"{CENTRE}.log", follow, count)
        return _run(settings, registry, wanted, follow, count, as_json)
    except KeyboardInterrupt:
        return 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the rest of the buffer goes nowhere
        return 0


def _run(settings: Settings, registry: Registry, wanted: list[str], follow: bool, count: int, as_json: bool) -> int:
    log = RequestLog(settings.logs)
    past = [r for r in log.past() if not wanted or r.exhibit in wanted]
    whys = [] if past or follow else _closed(settings, registry, wanted)
    if whys:
        say(*whys)
        return 3
    _print(past[-count:], as_json, follow, head=True)
    while follow and not _reader_is_gone(LOOK_MS):
        _print([r for r in log.new() if not wanted or r.exhibit in wanted], as_json, follow)
    return 0


def _lines(path: Path, follow: bool, count: int) -> int:
    """Print the last lines of a log that has no requests, and with `follow` the new ones. The visitor centre writes
    faults only."""
    logs = Logs(path.parent, path.name)
    past = list(logs.lines())
    if not past and not follow:
        say(f"the visitor centre has written nothing: no fault so far ({path})")
    _print_lines(past[-count:])
    while follow and not _reader_is_gone(LOOK_MS):
        _print_lines(list(logs.lines()))
    return 0


def _print_lines(lines: list[str]) -> None:
    for line in lines:
        print(printable(line))
    sys.stdout.flush()


def _reader_is_gone(wait_ms: int) -> bool:
    """Wait; return early, and True, if the reader of standard output goes away."""
    gone = select.poll()
    gone.register(sys.stdout, 0)  # no event but the errors: POLLERR of a pipe without a reader, POLLHUP of a terminal
    return bool(gone.poll(wait_ms))


def _closed(settings: Settings, registry: Registry, wanted: list[str]) -> list[str]:
    """Say why none of the wanted exhibits has a request, if all are closed in the running zoo."""
    cells = state.running_cells(settings)
    whys = why_closed.sentences(registry, cells, wanted) if cells else []
    return whys if len(whys) == len(wanted) else []


# --- output -----------------------------------------------------------------------------------------------------------


def _print(requests: list[Request], as_json: bool, follow: bool, head: bool = False) -> None:
    if as_json and not follow:
        print_json([asdict(request) for request in requests])
    elif as_json:
        for request in requests:
            print(json.dumps(asdict(request)))
    else:
        out = tables.console()
        for text in table(requests, out.width)[0 if head else 1 :]:
            print(text)  # not by rich, for which a reader that goes away is a failure
    sys.stdout.flush()


def table(requests: list[Request], width: int) -> list[str]:
    """Return the head and a line for each request; only the terminal decides the widths."""
    id_width = 32 if width >= WHOLE_ID else 8
    typical = [*TYPICAL[:7], "-" * id_width, *TYPICAL[8:]]
    widths = columns.chosen(COLUMNS, [typical], width)
    rows = [[column.name for column in COLUMNS], *(_cells(request, id_width) for request in requests)]
    return [columns.one_line(COLUMNS, row, widths) for row in rows]


def _cells(request: Request, id_width: int) -> list[str]:
    """Return the texts of one request, as in COLUMNS."""
    clock = time.strftime("%H:%M:%S", time.localtime(request.time)) + f".{int(request.time * 1000) % 1000:03d}"
    times = (request.front_ms, request.gateway_ms, request.app_ms)
    return [
        *(clock, str(request.status or "-"), printable(request.method_and_path)),
        *("-" if value is None else f"{value:.1f}" for value in times),
        *(str(request.pid or "-"), printable(request.id[:id_width])),
        *((request.front or "-").removeprefix("apache-"), printable(request.exhibit or "-")),
    ]
