"""Write the texts that a front answers itself: its first page, and why a cell does not answer."""

import json
import stat
from html import escape
from pathlib import Path

from gateway_zoo.keeper import image
from gateway_zoo.registry import plans
from gateway_zoo.registry.plans import Plan
from gateway_zoo.safe_io import own_files

#: A command to the front in our texts (SSI): insert the address that the client asked.
ADDRESS = '<!--#echo encoding="none" var="zoo_base" -->'
#: Texts that are the same in every installation. nginx has those about `status` in nginx.conf.
TEXTS = {
    "refused.txt": "status answers only requests from this machine\n",
    "named.txt": "status answers only where Host is localhost, an IP address or a name without a dot\n",
    "methods.txt": "405 Method Not Allowed\n",
}


def write(front: str, pages: Path, plan: Plan) -> None:
    """Write the texts as files. Raises OSError, InTheWay.

    ErrorDocument would send a text as text/html, and nginx takes no string longer than 4 KiB.
    """
    own_files.folder(pages)
    for folder in ("closed", "down", "about"):
        own_files.remove(own_files.folder(pages / folder), "*.txt", stat.S_IFREG)
    own_files.write(pages / "index.txt", index(front, plan))
    own_files.write(pages / "index.html", index_page(front, plan, 0))
    own_files.write(pages / "index_here.html", index_page(front, plan, plan.settings.centre_port))
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
            own_files.write(pages / "closed" / f"{cell.exhibit}.txt", closed(cell))
        text = f"{cell.exhibit} does not answer. Start it with: {plan.start_hint(cell.exhibit)}\n"
        own_files.write(pages / "down" / f"{cell.exhibit}.txt", text)


def closed(cell: plans.Cell) -> str:
    """The text of a closed cell."""
    return f"{cell.exhibit} is closed behind {cell.front}: {cell.closed}\n"


def index(front: str, plan: Plan) -> str:
    """The first page of a front: each exhibit with its curl line, or the reason why it is closed."""
    exhibits = plan.registry.exhibits.values()
    ids, abouts = max(len(exhibit.id) for exhibit in exhibits), max(len(exhibit.about) for exhibit in exhibits)
    lines = [f"Gateway Zoo, behind {front}. One app through every gateway.\n"]
    for exhibit in exhibits:
        cell = plan.cell(exhibit.id, front)
        line = f"closed: {cell.closed}" if cell.closed else f"curl {ADDRESS}/{exhibit.id}/hello"
        lines.append(f"{exhibit.id:{ids}} {exhibit.about:{abouts}} {line}")
    lines += [
        "",
        *(
            f"{'in a browser':{ids + 1 + abouts}} {ADDRESS}{page}"
            for page in plans.pages(plan.registry, plan.cells, front)
        ),
    ]
    return "\n".join([*lines, "", *_notes()]) + "\n"


def index_page(front: str, plan: Plan, centre_port: int) -> str:
    """The same list for a browser, as HTML. `centre_port`: port of the visitor centre; 0: without a link to it.

    Its links are paths, so they lead to the address that the browser asked.
    """
    title = escape(f"Gateway Zoo, behind {front}")
    centre = f'<p><a href="http://localhost:{centre_port}/">The visitor centre</a> draws what happens here.'
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>",
            '<link rel="icon" href="/-web/icon.svg">\n<link rel="stylesheet" href="/-web/zoo.css">',
            f"<main>\n<h1>{title}</h1>\n<p>One app through every gateway.",
            *([centre] if centre_port else []),
            "<h2>In a browser</h2>\n<ul>",
            *(
                f"<li>{_link(path)} {escape(name)}"
                for path, name in plans.pages(plan.registry, plan.cells, front).items()
            ),
            "</ul>\n<h2>Exhibits</h2>\n<table>",
            '<tr><th scope="col">exhibit<th scope="col">what it is<th scope="col">its answer',
            *(_row(e.id, e.about, plan.cell(e.id, front)) for e in plan.registry.exhibits.values()),
            "</table>",
            *(f"<p>{escape(note)}" for note in _notes()),
            "</main>\n",
        ]
    )


def _row(id: str, about: str, cell: plans.Cell) -> str:
    """A row of the table: an exhibit with links, or with the reason why it is closed."""
    name = escape(id) if cell.closed else _link(f"/{id}/", id)
    answer = f'<td class="quiet">closed: {escape(cell.closed)}' if cell.closed else f"<td>{_link(f'/{id}/hello')}"
    return f'<tr><th scope="row">{name}<td>{escape(about)}{answer}'


def _link(path: str, text: str = "") -> str:
    return f'<a href="{escape(path)}">{escape(text or path)}</a>'


def _notes() -> list[str]:
    """The sentences below the list."""
    lines = ["Each also answers /ping and, to this machine, /status."]
    if built := image.of_this_image():
        lines.append(f"The image is of {built['built']}; docker compose up --build --wait makes a new one.")
    return lines


def about(plan: Plan, id: str) -> str:
    """The first page of an exhibit: its facts and its paths, the same behind every front."""
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
    """Exhibits whose first page is the text `about`; the others have a page of their own."""
    return [exhibit.id for exhibit in plan.registry.exhibits.values() if exhibit.page != "/"]


def paged(plan: Plan) -> list[str]:
    """First path segments that have a page of their own, which needs a slash at its end."""
    pages = [page for cage in plan.registry.cages for page in cage.file.pages]
    pages += [f"/{exhibit.id}/" for exhibit in plan.registry.exhibits.values() if exhibit.page == "/"]
    return sorted({page.strip("/") for page in pages if page.endswith("/") and page.count("/") == 2})


def listed(front: str, plan: Plan) -> list[dict[str, object]]:
    """/exhibits.json: the rows of `zoo ls` for pages, as of this front. `closed` is the reason, or null."""
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
    """The text of a 404 for a path of no exhibit."""
    return "No such exhibit. There are: " + ", ".join(plan.registry.exhibits) + "\n"
