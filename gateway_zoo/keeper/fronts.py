"""The two web servers: how each is started, and the one small file that tells it about this installation.

The configurations below nginx/ and apache/ are plain files. What differs from machine to machine (addresses, paths,
who is near, which cells are closed and why) is written to $ZOO_RUN/<front>/local.conf, and nowhere else; `zoo config`
prints it. The texts that a front answers itself are files beside it, in pages/.
"""

import functools
import json
import re
import stat
import subprocess
from pathlib import Path

from gateway_zoo.keeper import image
from gateway_zoo.registry import installed, places, plans
from gateway_zoo.registry.plans import Plan
from gateway_zoo.safe_io import own_files
from gateway_zoo.settings import Settings, kind

#: In the texts of ours, a command to the front (SSI): write here the address that the client asked.
ADDRESS = '<!--#echo encoding="none" var="zoo_base" -->'
NOBODY = "0.0.0.0"  # noqa: S104 - compared with; no peer has it
#: What a front answers itself, the same in every installation. nginx has the two about `status` in nginx.conf.
TEXTS = {
    "refused.txt": "status answers only requests from this machine\n",
    "named.txt": "status answers only where Host is localhost, an IP address or a name without a dot\n",
    "methods.txt": "405 Method Not Allowed\n",
}
HEAD = "# Written by the zoo at every start; edit nothing here. `{zoo} config {front}` prints it.\n\n"


def command(front: str, settings: Settings) -> list[str]:
    """argv of a front, in the foreground. It must be started in the directory of the sockets, with $ZOO_RUN set."""
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
    """Lay out $ZOO_RUN/<front>: local.conf, and what the front needs beside it."""
    here = own_files.folder(plan.settings.run / front)
    own_files.write(here / "local.conf", local_conf(front, plan))
    _link_fragments(here / "cages", plan.settings.root / kind(front) / "cages", plan, front)
    _write_pages(front, here / "pages", plan)
    if front == "nginx":
        own_files.folder(here / "tmp")
        # nginx resolves `include` beside the file it was started with, and local.conf must be among its includes
        for name in ("nginx.conf", "server.conf", "params"):
            own_files.link(here / name, plan.settings.root / "nginx" / name)
    else:
        own_files.folder(here / "fcgid")


def _link_fragments(here: Path, there: Path, plan: Plan, front: str) -> None:
    """Not those of cages that could not be read, because a fragment may name what only a cage.toml lets us define (an
    upstream); nor those that the front refused in a trial."""
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
    closed = {c.exhibit: _closed(c) for c in plan.cells if c.front == "nginx" and c.closed}
    starts = {i: plan.start_hint(i) for i in ids}
    return "\n".join(
        [
            "# Who may ask for status, by the address of the peer.",
            "geo $remote_addr $zoo_near {\n    default 0;",
            *(f"    {address} 1;" for address in settings.status_allowed_from.split()),
            *(f"    {address} 0;  # strangers may have it, too" for address in settings.status_refused_to.split()),
            "}\n",
            "# Where the checkout is.",
            f"geo $zoo_root {{ default {_quoted(str(places.checkout(settings)))}; }}\n",
            "# Gateways on TCP.",
            *(f"upstream {e.id} {{ server {plan.address(e)}; }}" for e in tcp),
            "\n# Exhibits that are closed here, with the reason; the commands that start the others.",
            _map("$zoo_exhibit $zoo_closed", "", closed),
            _map("$zoo_exhibit $zoo_start", made_start(plan), starts),
            "# Exhibits whose first page is a text of ours, and paths that lack a slash before a page of their own.",
            _map("$uri $zoo_about", "", {f"/{i}{slash}": i for i in described(plan) for slash in ("", "/")}),
            _map("$uri $zoo_paged", "", {f"/{name}": f"/{name}/" for name in paged(plan)}),
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
    """How this nginx wants to be asked for HTTP/2: since 1.25.1 by a directive, before by a word of `listen`."""
    binary = installed.nginx()
    said = subprocess.run([binary, "-v"], capture_output=True, text=True, check=True).stderr if binary else "1.26.0"
    version = tuple(int(n) for n in re.findall(r"\d+", said)[:3])
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
            "\n# Paths that lack a slash before a page of their own.",
            f'Define ZOO_PAGED   "{"|".join(paged(plan))}"',
            "\n# Who may ask for status, by the address of the peer.",
            f'Define ZOO_NEAR    "{settings.status_allowed_from}"',
            "# An address among them behind which strangers stand, too; 0.0.0.0 is nobody's.",
            f'Define ZOO_FAR     "{settings.status_refused_to or NOBODY}"',
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


def _patterns(plan: Plan) -> list[str]:
    """Modules whose file name holds a version: fragments load them by what stands before the `*`."""
    files = {file for family in plan.registry.families.values() for file in family.apache_modules}
    return sorted(file for file in files if "*" in file and installed.apache_module(file))


def _listen(plan: Plan) -> list[str]:
    extra = plan.settings.listen
    if plan.settings.compose:
        return ["0.0.0.0"]  # noqa: S104 - inside a container; compose publishes it on 127.0.0.1
    if extra == "0.0.0.0":  # noqa: S104 - compared with; it takes 127.0.0.1 in
        return [extra]
    return ["127.0.0.1", *([extra] if extra and extra != "127.0.0.1" else [])]


def _write_pages(front: str, pages: Path, plan: Plan) -> None:
    """The texts that a front answers itself, as files: ErrorDocument with a text would send it as text/html, and nginx
    takes no string longer than 4 KiB."""
    own_files.folder(pages)
    for folder in ("closed", "down", "about"):
        own_files.remove(own_files.folder(pages / folder), "*.txt", stat.S_IFREG)
    own_files.write(pages / "index.txt", index(front, plan))
    own_files.write(pages / "exhibits.json", json.dumps(listed(front, plan), indent=1) + "\n")
    own_files.write(pages / "image.json", json.dumps(image.of_this_image()) + "\n")
    if (plan.settings.tls / "ca.pem").exists():
        own_files.write(pages / "ca.pem", (plan.settings.tls / "ca.pem").read_bytes())
    own_files.write(pages / "unknown.txt", unknown(plan))
    for name, text in TEXTS.items():
        own_files.write(pages / name, text)
    for id in described(plan):
        own_files.write(pages / "about" / f"{id}.txt", about(plan, id))
    for cell in plan.cells:
        if cell.front == front and cell.closed:
            own_files.write(pages / "closed" / f"{cell.exhibit}.txt", _closed(cell))
        text = f"{cell.exhibit} does not answer. Start it with: {plan.start_hint(cell.exhibit)}\n"
        own_files.write(pages / "down" / f"{cell.exhibit}.txt", text)


def _closed(cell: plans.Cell) -> str:
    return f"{cell.exhibit} is closed behind {cell.front}: {cell.closed}\n"


def index(front: str, plan: Plan) -> str:
    """The front's own first page: every exhibit with its curl line, or the reason why it is closed."""
    lines = [f"Gateway Zoo, behind {front}. One app through every gateway.\n"]
    for exhibit in plan.registry.exhibits.values():
        cell = plan.cell(exhibit.id, front)
        line = f"closed: {cell.closed}" if cell.closed else f"curl {ADDRESS}/{exhibit.id}/hello"
        lines.append(f"{exhibit.id:18} {exhibit.about:42} {line}")
    lines += ["", *(f"{'in a browser':61} {ADDRESS}{page}" for page in plans.pages(plan, front))]
    built = image.of_this_image()
    lines += ["", "Each also answers /ping and, to this machine, /status."]
    lines += [f"The image is of {built['built']}; docker compose up --build --wait makes a new one."] if built else []
    return "\n".join(lines) + "\n"


def about(plan: Plan, id: str) -> str:
    """The first page of an exhibit: what it is, and what it answers. The same text behind every front."""
    exhibit, cage = plan.registry.exhibits[id], plan.registry.cage_of(id)
    family = plan.registry.family_of(id)
    lines = [
        f"{id}: {exhibit.about}\n",
        f"protocol       {plan.registry.protocol_of(id)} ({cage.file.title}, {cage.file.year})",
        f"interface      {plan.registry.interface_of(id)}",
        f"server         {family.server}",
        f"process model  {family.model}",
        f"label          {cage.name}/README.md\n",
        f"/{id}/hello    the same bytes through every gateway",
        f"/{id}/ping     the cheapest request there is",
        f"/{id}/status   which process answered, and what it was told (?json, ?html, ?full); for this machine only",
        *([f"/{id}{exhibit.page}  for a browser"] if exhibit.page else []),
    ]
    return "\n".join(lines) + "\n"


def described(plan: Plan) -> list[str]:
    """Exhibits whose first page is the text `about`; the others have a page of their own there."""
    return [exhibit.id for exhibit in plan.registry.exhibits.values() if exhibit.page != "/"]


def paged(plan: Plan) -> list[str]:
    """First path segments that have a page of their own, which needs a slash behind it."""
    pages = [page for cage in plan.registry.cages for page in cage.file.pages]
    pages += [f"/{exhibit.id}/" for exhibit in plan.registry.exhibits.values() if exhibit.page == "/"]
    return sorted({page.strip("/") for page in pages if page.endswith("/") and page.count("/") == 2})


def listed(front: str, plan: Plan) -> list[dict[str, object]]:
    """/exhibits.json: for pages, what `zoo ls` shows, as this front sees it. `closed` is the reason, or null."""
    rows = []
    for exhibit in plan.registry.exhibits.values():
        family, cage = plan.registry.family_of(exhibit.id), plan.registry.cage_of(exhibit.id)
        row = {"id": exhibit.id, "cage": cage.name, "about": exhibit.about, "year": cage.file.year}
        row |= {"protocol": plan.registry.protocol_of(exhibit.id), "model": family.model, "slots": family.slots}
        row |= {"interface": plan.registry.interface_of(exhibit.id), "server": family.server}
        rows.append(
            row
            | {"path": f"/{exhibit.id}/", "page": exhibit.page or None, "closed": plan.cell(exhibit.id, front).closed}
        )
    return rows


def unknown(plan: Plan) -> str:
    """404 for what is no exhibit."""
    return "No such exhibit. There are: " + ", ".join(plan.registry.exhibits) + "\n"


def made_start(plan: Plan) -> str:
    """How to start the zoo as a whole."""
    return "docker compose up -d" if plan.settings.compose else "./zoo up"


def _map(head: str, default: str, rows: dict[str, str]) -> str:
    lines = [f"    {name} {_quoted(value)};" for name, value in rows.items()]
    return "\n".join([f"map {head} {{", f"    default {_quoted(default)};", *lines, "}"])


def _quoted(text: str) -> str:
    """A string for nginx and Apache alike. `$` would start a variable in nginx and cannot be escaped there."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "") + '"'
