"""Start the two web servers, and write the one file that differs between installations.

The configurations below nginx/ and apache/ are plain files. The facts of one machine (addresses, paths, clients that
may get status, closed cells and reasons) are in $ZOO_RUN/<front>/local.conf only; `zoo config` prints it. The texts
that a front answers itself are files beside it, in pages/ (front_pages.py).
"""

import functools
import re
import stat
import subprocess
from pathlib import Path

from gateway_zoo.keeper import front_pages
from gateway_zoo.registry import installed, places, plans
from gateway_zoo.registry.plans import Plan
from gateway_zoo.safe_io import own_files
from gateway_zoo.settings import Settings, kind

NOBODY = "0.0.0.0"  # noqa: S104 - compared with; no peer has it
HEAD = "# Written by the zoo at every start; edit nothing here. `{zoo} config {front}` prints it.\n\n"


def command(front: str, settings: Settings) -> list[str]:
    """argv of a front in the foreground, to start in the directory of the sockets with $ZOO_RUN set.

    Raises LookupError if the front is not installed.
    """
    if front == "nginx":
        return [plans.binary(front), "-p", str(settings.run / "nginx"), "-c", "nginx.conf"]
    return [
        plans.binary(front),
        "-d",
        str(places.checkout(settings) / "apache"),
        "-f",
        "httpd.conf",
        "-D",
        "FOREGROUND",
    ]


def write(front: str, plan: Plan) -> None:
    """Write $ZOO_RUN/<front>: local.conf, and the files that the front needs beside it. Raises OSError, InTheWay."""
    folder = own_files.folder(plan.settings.run / front)
    own_files.write(folder / "local.conf", local_conf(front, plan))
    _link_fragments(folder / "cages", plan.settings.root / kind(front) / "cages", plan, front)
    front_pages.write(front, folder / "pages", plan)
    if front == "nginx":
        own_files.folder(folder / "tmp")
        # nginx resolves `include` beside the file it was started with, and local.conf must be among its includes
        for name in ("nginx.conf", "server.conf", "params"):
            own_files.link(folder / name, plan.settings.root / "nginx" / name)
    else:
        own_files.folder(folder / "fcgid")


def _link_fragments(here: Path, there: Path, plan: Plan, front: str) -> None:
    """Link the fragments of readable cages that the front accepts. A fragment may name an upstream, which only a
    readable cage.toml defines."""
    if here.is_symlink():  # of an older version
        here.unlink()
    own_files.remove(own_files.folder(here), "*.conf", stat.S_IFLNK)
    for cage in plan.registry.cages:
        if (there / f"{cage.name}.conf").is_file() and f"{cage.name}.conf" not in plan.broken.get(front, {}):
            own_files.link(here / f"{cage.name}.conf", there / f"{cage.name}.conf")


def local_conf(front: str, plan: Plan) -> str:
    """The text of local.conf for this plan."""
    zoo = "docker compose run --rm zoo" if plan.settings.compose else "./zoo"
    return HEAD.format(front=front, zoo=zoo) + (_nginx(plan) if front == "nginx" else _apache(front, plan))


def _nginx(plan: Plan) -> str:
    settings = plan.settings
    files = settings.tls
    tcp = [e for e in plan.registry.exhibits.values() if e.tcp and "nginx" in e.fronts]
    ids = list(plan.registry.exhibits)
    closed = {c.exhibit: front_pages.closed(c) for c in plan.cells if c.front == "nginx" and c.closed}
    start_all = "docker compose up -d" if settings.compose else "./zoo up"
    starts = {i: plan.start_hint(i) for i in ids}
    return "\n".join(
        [
            "# Addresses of peers that may ask for status.",
            "geo $remote_addr $zoo_near {\n    default 0;",
            *(f"    {address} 1;" for address in settings.status_allowed_from.split()),
            *(f"    {address} 0;  # strangers may have it, too" for address in settings.status_refused_to.split()),
            "}\n",
            "# Where the checkout is.",
            f"geo $zoo_root {{ default {_quoted(str(places.checkout(settings)))}; }}\n",
            "# The port of the visitor centre; 0: there is none.",
            f"geo $zoo_centre_port {{ default {settings.centre_port}; }}\n",
            "# Gateways on TCP.",
            *(f"upstream {e.id} {{ server {plan.address(e)}; }}" for e in tcp),
            "\n# Exhibits that are closed here, with the reason; the commands that start the others.",
            _map("$zoo_exhibit $zoo_closed", "", closed),
            _map("$zoo_exhibit $zoo_start", start_all, starts),
            "# Exhibits whose first page is a text of the zoo, and paths of pages without their last slash.",
            _map(
                "$uri $zoo_about", "", {f"/{i}{slash}": i for i in front_pages.described(plan) for slash in ("", "/")}
            ),
            _map("$uri $zoo_paged", "", {f"/{name}": f"/{name}/" for name in front_pages.paged(plan)}),
            "\nserver {",
            *(f"    listen {address}:{settings.nginx_port};" for address in _listen(plan)),
            *(f"    listen {address}:{settings.nginx_tls_port} ssl{_http2()[0]};" for address in _listen(plan)),
            f"    {_http2()[1]}ssl_certificate {files}/front.pem;",
            f"    ssl_certificate_key {files}/front.key;",
            "    include server.conf;",
            "}\n",
        ]
    )


@functools.cache
def _http2() -> tuple[str, str]:
    """How this nginx switches HTTP/2 on: since 1.25.1 by a directive, before by a word of `listen`."""
    binary = installed.nginx()
    text = subprocess.run([binary, "-v"], capture_output=True, text=True, check=True).stderr if binary else "1.26.0"
    version = tuple(int(n) for n in re.findall(r"\d+", text)[:3])
    return ("", "http2 on;\n    ") if version >= (1, 25, 1) else (" http2", "")


def _apache(front: str, plan: Plan) -> str:
    settings = plan.settings
    tcp = [e for e in plan.registry.exhibits.values() if e.tcp and "apache" in e.fronts]
    return "\n".join(
        [
            "# Where things are on this machine.",
            f"Define ZOO_ROOT    {_quoted(str(places.checkout(settings)))}",
            f"Define ZOO_MODULES {_quoted(str(installed.apache_modules()))}",
            f"Define ZOO_VENV    {_quoted(str(places.venv(settings)))}",
            f"Define ZOO_BIN     {_quoted(str(places.venv(settings) / 'bin'))}",
            f"Define ZOO_HERE    {_quoted(str(settings.run / front))}",
            *(f"Define {file.partition('*')[0]} {installed.apache_module(file)}" for file in _patterns(plan)),
            "\n# Which of the Apaches this is, and its process model.",
            f"Define ZOO_FRONT   {front}",
            f"Define ZOO_MPM     {settings.mpm_of(front)}",
            f"Define ZOO_PORT    {settings.port(front)}",
            "\n# The port of the visitor centre; 0: there is none.",
            f"Define ZOO_CENTRE  {settings.centre_port}",
            "\n# Paths of pages without their last slash.",
            f'Define ZOO_PAGED   "{"|".join(front_pages.paged(plan))}"',
            "\n# Addresses of peers that may ask for status.",
            f'Define ZOO_NEAR    "{settings.status_allowed_from}"',
            "# An address among them that strangers may have, too; no peer has 0.0.0.0.",
            f'Define ZOO_FAR     "{settings.status_refused_to or NOBODY}"',
            "# The same two as an expression.",
            f'Define ZOO_NEAR_EXPR "{_near_expression(settings)}"',
            "\n# Gateways on TCP.",
            *(f"Define {e.id} {plan.address(e)}" for e in tcp),
            "\n# Exhibits that Apache runs itself, where the module is installed.",
            *(
                f"Define open-{c.exhibit}"
                for c in plan.open_cells
                if c.front == front and plan.registry.family_of(c.exhibit).runs_in
            ),
            "",
            *(f"Listen {address}:{settings.port(front)}" for address in _listen(plan)),
            *([f"Define ZOO_TLS {settings.tls_port(front)}"] if settings.tls_port(front) else []),
            *(f"Listen {address}:{settings.tls_port(front)}" for address in _listen(plan) if settings.tls_port(front)),
            f"Define ZOO_CERTIFICATES {_quoted(str(settings.tls))}",
            "",
        ]
    )


def _near_expression(settings: Settings) -> str:
    near = " || ".join(f"%{{REMOTE_ADDR}} -ipmatch '{address}'" for address in settings.status_allowed_from.split())
    return f"({near}) && !(%{{REMOTE_ADDR}} -ipmatch '{settings.status_refused_to or NOBODY}')"


def _patterns(plan: Plan) -> list[str]:
    """Modules with a version in the file name; fragments load them by the name before the `*`."""
    files = {file for family in plan.registry.families.values() for file in family.apache_modules}
    return sorted(file for file in files if "*" in file and installed.apache_module(file))


def _listen(plan: Plan) -> list[str]:
    extra = plan.settings.listen
    if plan.settings.compose and not extra:
        return ["0.0.0.0"]  # noqa: S104 - inside a container; compose publishes it on 127.0.0.1
    if extra == "0.0.0.0":  # noqa: S104 - compared with; it takes 127.0.0.1 in
        return [extra]
    return ["127.0.0.1", *([extra] if extra and extra != "127.0.0.1" else [])]


def _map(head: str, default: str, rows: dict[str, str]) -> str:
    lines = [f"    {name} {_quoted(value)};" for name, value in rows.items()]
    return "\n".join([f"map {head} {{", f"    default {_quoted(default)};", *lines, "}"])


def _quoted(text: str) -> str:
    """A string for nginx and Apache alike. `$` would start a variable in nginx and cannot be escaped there."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "") + '"'
