"""The two web servers: how each is started, and the one small file that tells it about this installation.

The configurations below nginx/ and apache/ are plain files. What differs from machine to machine (addresses, paths,
who is near, which cells are closed and why) is written to $ZOO_RUN/<front>/local.conf, and nowhere else; `zoo config`
prints it. Apache wants its texts as files, so those go to $ZOO_RUN/apache/pages.
"""

import sys
from pathlib import Path

from gateway_zoo import parts, plan
from gateway_zoo.plan import Plan
from gateway_zoo.settings import Settings

HEAD = "# Written by the zoo at every start; edit nothing here. `./zoo config {front}` prints it.\n\n"


def command(front: str, settings: Settings) -> list[str]:
    """argv of a front, in the foreground. It must be started in the directory of the sockets, with $ZOO_RUN set."""
    if front == "nginx":
        return [plan.binary(front), "-p", str(settings.run / "nginx"), "-c", "nginx.conf"]
    return [plan.binary(front), "-d", str(settings.root / "apache"), "-f", "httpd.conf", "-D", "FOREGROUND"]


def write(front: str, made: Plan) -> None:
    """Lay out $ZOO_RUN/<front>: local.conf, and what the front needs beside it."""
    here = made.settings.run / front
    here.mkdir(exist_ok=True)
    (here / "local.conf").write_text(local_conf(front, made), encoding="utf-8")
    _link_fragments(here / "cages", made.settings.root / front / "cages", made)
    if front == "nginx":
        (here / "tmp").mkdir(exist_ok=True)
        # nginx resolves `include` beside the file it was started with, and local.conf must be among its includes
        for name in ("nginx.conf", "server.conf", "params"):
            link = here / name
            link.unlink(missing_ok=True)
            link.symlink_to(made.settings.root / "nginx" / name)
    else:
        (here / "fcgid").mkdir(exist_ok=True)
        _write_pages(here / "pages", made)


def _link_fragments(here: Path, there: Path, made: Plan) -> None:
    """Those of cages that could be read: a fragment may name what only a cage.toml lets us define (an upstream)."""
    if here.is_symlink():
        here.unlink()
    here.mkdir(exist_ok=True)
    for old in here.iterdir():
        old.unlink()
    for cage in made.registry.cages:
        if (there / f"{cage.name}.conf").is_file():
            (here / f"{cage.name}.conf").symlink_to(there / f"{cage.name}.conf")


def local_conf(front: str, made: Plan) -> str:
    """The text of local.conf for this plan."""
    return HEAD.format(front=front) + {"nginx": _nginx, "apache": _apache}[front](made)


def _nginx(made: Plan) -> str:
    settings = made.settings
    tcp = [e for e in made.registry.exhibits.values() if e.tcp and "nginx" in e.fronts]
    ids = list(made.registry.exhibits)
    closed = {c.exhibit: _closed(c) for c in made.cells if c.front == "nginx" and c.closed}
    starts = {i: made.start_hint(i) for i in ids}
    return "\n".join(
        [
            "# Who may ask for status, by the address of the peer.",
            "geo $remote_addr $zoo_near {\n    default 0;",
            *(f"    {address} 1;" for address in settings.near.split()),
            "}\n",
            "# Where the checkout is.",
            f"geo $zoo_root {{ default {_quoted(str(settings.root))}; }}\n",
            "# Gateways on TCP.",
            *(f"upstream {e.id} {{ server {made.address(e)}; }}" for e in tcp),
            "\n# Exhibits that are closed here, and why; the list; how to start what does not answer.",
            _map("$zoo_exhibit $zoo_closed", "", closed),
            _map("$zoo_exhibit $zoo_start", made_start(made), starts),
            _map('"" $zoo_index', index("nginx", made), {}),
            _map('"" $zoo_unknown', unknown(made), {}),
            "\nserver {",
            *(f"    listen {address}:{settings.nginx_port};" for address in _listen(made)),
            "    include server.conf;",
            "}\n",
        ]
    )


def _apache(made: Plan) -> str:
    settings = made.settings
    tcp = [e for e in made.registry.exhibits.values() if e.tcp and "apache" in e.fronts]
    return "\n".join(
        [
            "# Where things are on this machine.",
            f"Define ZOO_ROOT    {_quoted(str(settings.root))}",
            f"Define ZOO_MODULES {_quoted(str(parts.apache_modules()))}",
            f"Define ZOO_VENV    {_quoted(sys.prefix)}",
            f"Define ZOO_BIN     {_quoted(str(parts.VENV_BIN))}",
            "\n# Who may ask for status, by the address of the peer.",
            f'Define ZOO_NEAR    "{settings.near}"',
            "\n# Gateways on TCP.",
            *(f"Define {e.id} {made.address(e)}" for e in tcp),
            "\n# Exhibits that Apache runs itself, where the module is installed.",
            *(
                f"Define open-{c.exhibit}"
                for c in made.open_cells
                if c.front == "apache" and made.registry.families[made.registry.exhibits[c.exhibit].family].runs_in
            ),
            "",
            *(f"Listen {address}:{settings.apache_port}" for address in _listen(made)),
            "",
        ]
    )


def _listen(made: Plan) -> list[str]:
    extra = made.settings.listen
    if made.settings.compose:
        return ["0.0.0.0"]  # noqa: S104 - inside a container; compose publishes it on 127.0.0.1
    return ["127.0.0.1", *([extra] if extra and extra != "127.0.0.1" else [])]


def _write_pages(pages: Path, made: Plan) -> None:
    for folder in ("closed", "down"):
        (pages / folder).mkdir(parents=True, exist_ok=True)
        for old in (pages / folder).iterdir():
            old.unlink()
    (pages / "index.txt").write_text(index("apache", made), encoding="utf-8")
    (pages / "unknown.txt").write_text(unknown(made), encoding="utf-8")
    (pages / "refused.txt").write_text("status is answered to this machine only\n", encoding="utf-8")
    for cell in made.cells:
        if cell.front == "apache" and cell.closed:
            (pages / "closed" / f"{cell.exhibit}.txt").write_text(_closed(cell), encoding="utf-8")
        text = f"{cell.exhibit} does not answer. Start it with: {made.start_hint(cell.exhibit)}\n"
        (pages / "down" / f"{cell.exhibit}.txt").write_text(text, encoding="utf-8")


def _closed(cell: plan.Cell) -> str:
    return f"{cell.exhibit} is closed behind {cell.front}: {cell.closed}\n"


def index(front: str, made: Plan) -> str:
    """The front's own first page: every exhibit with its curl line, or the reason why it is closed."""
    lines = [f"Gateway Zoo, behind {front}. One app through every gateway.\n"]
    for exhibit in made.registry.exhibits.values():
        cell = made.cell(exhibit.id, front)
        line = f"closed: {cell.closed}" if cell.closed else f"curl {cell.url}/hello"
        lines.append(f"{exhibit.id:18} {exhibit.about:42} {line}")
    return "\n".join(lines) + "\n\nEach also answers /ping and, to this machine, /status.\n"


def unknown(made: Plan) -> str:
    """404 for what is no exhibit."""
    return "No such exhibit. There are: " + ", ".join(made.registry.exhibits) + "\n"


def made_start(made: Plan) -> str:
    """How to start the zoo as a whole."""
    return "docker compose up -d" if made.settings.compose else "./zoo up"


def _map(head: str, default: str, rows: dict[str, str]) -> str:
    lines = [f"    {name} {_quoted(value)};" for name, value in rows.items()]
    return "\n".join([f"map {head} {{", f"    default {_quoted(default)};", *lines, "}"])


def _quoted(text: str) -> str:
    """A string for nginx and Apache alike. `$` would start a variable in nginx and cannot be escaped there."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "") + '"'
