"""Which user does the program run as?"""

import contextlib
import os
import pwd

from gateway_zoo.traits.outcome import Unknown
from gateway_zoo.traits.telling import tell

AXIS = "Process"
QUESTION = "Which user does the program run as?"
WHY = """
An attacker with a hole in the program has the rights of this user. The zoo needs no root, so its fronts and its
gateways have one user. On a public server a gateway of its own can have a user of its own (a systemd unit, suexec,
php-fpm's pool, mod_wsgi's user=): then the program cannot read the web server's key, nor another site's files. A
program inside the web server always has the server's user.
"""
SOURCE = "credentials(7); Apache HTTP Server 2.4, User and suEXEC support; nginx, user"
RUNS = 1


def name(uid):
    """The name of a user, or the number where there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def app(environ, start_response):
    """Tell the user."""
    return tell(start_response, {"uid": os.geteuid()})


def users(processes):
    """The users of the processes that still live: Apache also has some for one request each."""
    import psutil

    uids = set()
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            uids.add(process.uids().effective)
    return uids


def probe(cell):
    """Compare the program's user with the user of the front's processes."""
    uid = cell.ask_facts()["uid"]
    fronts = users(cell.front_processes())
    if not fronts:
        raise Unknown(f"{cell.front} has no process that can be seen")
    cell.note("users", f"program: {name(uid)}\n{cell.front}: {', '.join(map(name, sorted(fronts)))}")
    if uid == 0:
        return "root"
    return "the web server's user" if uid in fronts else "a user of its own"
