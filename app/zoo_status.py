"""The facts that `status` and `echo` show.

They tell of this process, and of the request as it arrived. A value that a gateway cannot know is None, never "" or 0
or 0.0.0.0 (some gateways send those where they know nothing). The names are those of uWSGI's and php-fpm's status
pages, where these have one.
"""

import datetime
import os
import pwd
import threading
from typing import Any

from flask import Response, render_template_string

#: CGI meta-variables (RFC 3875, section 4.1), and those that servers add. `echo` shows these and HTTP_*, but never the
#: process environment, which CGI mixes with them.
META_VARIABLES = (
    "AUTH_TYPE CONTENT_LENGTH CONTENT_TYPE GATEWAY_INTERFACE PATH_INFO PATH_TRANSLATED QUERY_STRING REMOTE_ADDR "
    "REMOTE_HOST REMOTE_IDENT REMOTE_USER REQUEST_METHOD SCRIPT_NAME SERVER_NAME SERVER_PORT SERVER_PROTOCOL "
    "SERVER_SOFTWARE REQUEST_URI REQUEST_SCHEME HTTPS REMOTE_PORT wsgi.url_scheme"
).split()
SECRETS = (  # as in gateway_zoo/wire/secrets.py, which app/ cannot import
    *("HTTP_AUTHORIZATION", "HTTP_PROXY_AUTHORIZATION"),
    *("HTTP_COOKIE", "HTTP_COOKIE2", "HTTP_SET_COOKIE", "HTTP_SET_COOKIE2"),
)
UNKNOWN = ("", "0.0.0.0", None)  # noqa: S104 - what uWSGI says instead of nothing


def _known(value: Any) -> Any:
    return None if value in UNKNOWN else value


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the name."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        return file.read().rpartition(")")[2].split()


def _age_s(pid: int) -> float:
    """Return the seconds since the process started or forked."""
    started = int(_stat(pid)[19]) / os.sysconf("SC_CLK_TCK")
    with open("/proc/uptime", encoding="ascii") as file:
        return round(float(file.read().split()[0]) - started, 2)


def facts(environ: dict[str, Any], arrival: int) -> dict[str, Any]:
    """Return the status record of one request: name -> value.

    `arrival` is the number of the request in this process, from 1.
    """
    age = _age_s(os.getpid())
    service = _container()
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=age)
    request_uri = environ.get("REQUEST_URI") or environ.get("RAW_URI")  # gunicorn's name for it
    return {
        "exhibit": _known(environ["SCRIPT_NAME"].lstrip("/")),
        "front": _known(environ.get("HTTP_X_ZOO_FRONT")),
        "request_id": _known(environ.get("HTTP_X_REQUEST_ID")),
        "container": service,
        "container_ps": service and f"docker compose exec {service} zoo ps",
        "pid": os.getpid(),
        "ppid": os.getppid(),
        "user": _user(os.getuid()),
        "thread": threading.get_native_id(),
        "process_start": start.isoformat(timespec="seconds"),
        "process_age_s": age,
        "requests": arrival,
        "multithread": bool(environ["wsgi.multithread"]),
        "multiprocess": bool(environ["wsgi.multiprocess"]),
        "run_once": bool(environ["wsgi.run_once"]),
        "script_name": environ["SCRIPT_NAME"],
        "path_info": environ["PATH_INFO"],
        "request_uri": _known(request_uri),
        "remote_addr": _known(environ.get("REMOTE_ADDR")),
        "server_software": _known(environ.get("SERVER_SOFTWARE")),
        "gateway_interface": _known(environ.get("GATEWAY_INTERFACE")),
        "server_protocol": _known(environ.get("SERVER_PROTOCOL")),
        "url_scheme": _known(environ.get("wsgi.url_scheme")),
        "https": _known(environ.get("HTTPS")),
    }


def _container() -> str | None:
    """Return the compose service of this container; else None.

    A pid is valid only inside its container. gateway_zoo.keeper.container writes the service's name to the place where
    natively the keeper's token stands.
    """
    where, _, service = os.environ.get("ZOO_START", "").partition("/")
    return service if where == "compose" and service else None


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a container may run under a number without a name
        return str(uid)


def family(me: int, arrival: int) -> list[dict[str, Any]]:
    """Return the processes that serve together with this one.

    They have the same session and the same command line. Sizes are in bytes, times in seconds. `pss` is the resident
    memory, with each shared page divided among its users; it is None, with a `pss_why`, where the kernel forbids to
    read it. A process knows only its own number of requests; for the others `requests` is None.

    The files of /proc are read by hand: psutil would cost each answering process 2 MB, and this function would then
    measure them, too (proc(5), and smaps_rollup in proc_pid_smaps(5)).
    """
    command = _command(me)
    session = os.getsid(me)
    rows = []
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        try:
            if os.getsid(pid) == session and _command(pid) == command:
                rows.append(_describe(pid, arrival if pid == me else None))
        except (OSError, LookupError):  # the process has ended, or belongs to another user: not of this family
            continue
    parents = {row["ppid"] for row in rows}
    for row in rows:
        row["role"] = "server" if len(rows) == 1 else "master" if row["pid"] in parents else "worker"
    return rows


def _command(pid: int) -> bytes:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read()


def _describe(pid: int, requests: int | None) -> dict[str, Any]:
    stat = _stat(pid)
    ticks = int(stat[11]) + int(stat[12])  # utime and stime
    row = {
        "pid": pid,
        "ppid": int(stat[1]),
        "role": "",
        # The real user. The owner of /proc/PID is root for every process that has changed its user (proc(5)).
        "user": _user(_line(pid, "status", b"Uid:")),
        "threads": int(stat[17]),
        "rss": int(stat[21]) * os.sysconf("SC_PAGE_SIZE"),
        "pss": None,
        "cpu_s": round(ticks / os.sysconf("SC_CLK_TCK"), 2),
        "age_s": _age_s(pid),
        "requests": requests,
    }
    try:
        row["pss"] = _line(pid, "smaps_rollup", b"Pss:") * 1024  # the kernel tells it in kB
    except OSError as error:
        row["pss_why"] = f"smaps of {pid} may not be read: {type(error).__name__}"
    return row


def _line(pid: int, file: str, name: bytes) -> int:
    """Read a number in /proc/PID. Raises ProcessLookupError."""
    with open(f"/proc/{pid}/{file}", "rb") as lines:
        for line in lines:
            if line.startswith(name):
                return int(line.split()[1])
    raise ProcessLookupError(f"{pid} has ended")  # a zombie has no memory


def arrived(environ: dict[str, Any], body: bytes) -> dict[str, Any]:
    """Return the answer of `echo`: method, body, variables.

    The body is decoded as latin-1, so that every byte survives JSON.
    """
    variables = {}
    for name in sorted(environ):
        if name in META_VARIABLES or name.startswith("HTTP_"):
            variables[name] = "(masked)" if name in SECRETS else str(environ[name])
    return {
        "method": environ["REQUEST_METHOD"],
        "length": len(body),
        "body": body.decode("latin-1"),
        "variables": variables,
    }


def as_text(facts: dict[str, Any]) -> str:
    """Write `name: value` lines.

    An unknown value is `-`. Control characters are escaped: a terminal would obey them.
    """
    lines = [f"{name + ':':20}{_plain(value)}" for name, value in facts.items() if name != "processes"]
    for row in facts.get("processes", []):
        lines.append("process:            " + "  ".join(f"{name} {_plain(value)}" for name, value in row.items()))
    return "\n".join(lines) + "\n"


def _plain(value: Any) -> str:
    if value is None:
        return "-"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value))


def as_html(facts: dict[str, Any]) -> Response:
    """Write an HTML table. Jinja escapes all; no script may run."""
    page = render_template_string(_PAGE, facts=facts, plain=_plain)
    headers = {"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff"}
    return Response(page, mimetype="text/html", headers=headers)


_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>{{ facts.exhibit }} status</title>
<h1>{{ facts.exhibit }} behind {{ facts.front }}</h1>
<table>{% for name, value in facts.items() if name != "processes" %}
<tr><th scope="row" align="left">{{ name }}<td>{{ plain(value) }}{% endfor %}
</table>
{% if facts.processes %}<table><caption>its family</caption>
<tr>{% for name in facts.processes[0] %}<th scope="col">{{ name }}{% endfor %}{% for row in facts.processes %}
<tr>{% for value in row.values() %}<td>{{ plain(value) }}{% endfor %}{% endfor %}
</table>{% endif %}
</html>
"""
