"""Must the first visitor after a start wait until the program is loaded?"""

import sys
import time

from gateway_zoo.traits.outcome import Outcome, Unknown
from gateway_zoo.traits.telling import tell

AXIS = "Cost"
QUESTION = "Does the first request load the program?"
WHY = """
A server that loads the program when it starts is ready for the first visitor. mod_fcgid starts a process only when a
request comes, and embedded mod_wsgi loads the program with the first request that each Apache process gets: these
visitors wait. Under CGI every visitor is a first one. The program tells when it was loaded, on the machine's clock; the
figure is the time of the first answer, and the evidence has that of a later one.
"""
SOURCE = "mod_wsgi documentation, WSGIImportScript; Apache mod_fcgid, FcgidMinProcessesPerClass; gunicorn, preload_app"
SCOPE = "front"
RUNS = 1
UNIT = "ms"
WITHIN = 0.0
START_S = 40.0
PAUSE_S, REST = 0.3, 0.2  # a server at rest uses less than this share of a processor in a pause


def app(environ, start_response):
    """Tell when the program was loaded."""
    return tell(start_response, {"loaded": sys.modules["zoo_app"].LOADED})


def probe(cells):
    """Restart all families, and the front if it runs some itself; when all are at rest, ask each once."""
    zoo = cells[0].zoo
    servers = {cell: cell.front if cell.inside else cell.family.id for cell in cells}
    restart(zoo, sorted(set(servers.values())))
    results = {}
    for cell, server in servers.items():
        program = cell if cell.inside else server  # one family has one program, under several names
        if program not in results:
            results[program] = first_answer(cell)
        else:
            cell.note("asked before", f"the processes of {server} have answered under another name")
    return {cell: results[cell if cell.inside else server] for cell, server in servers.items()}


def restart(zoo, names):
    """Restart servers, and wait until they listen and have nothing to do."""
    from gateway_zoo.keeper import client

    for name in names:
        answer = client.ask(zoo.settings, {"do": "restart", "restart": name})
        if "error" in answer:
            raise Unknown(answer["error"])
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        before = processor_time(zoo, names)
        time.sleep(PAUSE_S)
        after = processor_time(zoo, names)
        if all(0 < after[name] < before[name] + REST * PAUSE_S for name in names):
            return
    raise Unknown(f"after {START_S:.0f} s the servers still start")


def processor_time(zoo, names):
    """Server -> seconds that its living processes have used."""
    import psutil

    used = dict.fromkeys(names, 0.0)
    for name in names:
        for process in zoo.processes(name):
            try:
                used[name] += sum(process.cpu_times()[:2])
            except psutil.NoSuchProcess:
                continue
    return used


def first_answer(cell):
    """Ask twice."""
    sent = time.monotonic()
    seen = cell.ask()
    try:
        loaded = cell.facts(seen)["loaded"]
        later = cell.ask()
    except Unknown as why:
        return why
    cell.note("times", f"first answer after {seen.ms:.1f} ms, the next after {later.ms:.1f} ms")
    cell.note("loaded", f"{abs(loaded - sent):.3f} s {'after' if loaded > sent else 'before'} the first request")
    return Outcome("yes" if loaded > sent else "no, loaded before", seen.ms)
