"""The pages of the visitor centre: each as HTML, JSON and text; a page that is added; a centre without a zoo."""

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from centre_in_test import EXHIBITS, CentreZoo, a_centre  # noqa: F401 - a fixture
from starlette.types import Message
from zoo_in_test import REGISTRY, ROOT, Zoo, eventually, needs_sight

from gateway_zoo.centre import page as pages
from gateway_zoo.centre.application import application
from gateway_zoo.centre.context import Context
from gateway_zoo.settings import read_settings

NAMES = ["Map", "Added &lt;one&gt;", "Follow", "Processes", "For a class"]
PAGES = {
    "/": "/api/map",
    "/exhibit/fastcgi": "/api/exhibit/fastcgi",
    "/compare/cgi/fastcgi": "/api/compare/cgi/fastcgi",
    "/follow": "/api/follow",
    "/processes": "/api/processes",
    "/wire": "/api/wire",
    "/class": "/api/class",
    "/labels": "/api/labels",
    "/labs": "/api/labs",
}


# --- three forms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_html_for_browsers_text_for_others_and_json_in_api(centre: CentreZoo, path: str) -> None:
    page = centre.ask(path, "Accept: text/html,application/xhtml+xml,*/*;q=0.8")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["vary"] == "Accept"
    assert "{{" not in page.body.decode()
    nav = re.findall(r'<a href="([^"]+)"[^>]*>', page.body.decode().partition("<nav")[2].partition("</nav>")[0])
    assert {"/", "/processes", "/wire", "/class"} <= set(nav)
    fronts = f"http://127.0.0.1:{centre.ports['nginx']}"
    assert f"{fronts}/news/" in nav  # a page of a front, under the name by which the browser asked the centre
    for accept in ("Accept: text/plain", "Accept: */*", "X-Nothing: 1"):
        text = centre.ask(path, accept)
        assert text.headers["content-type"] == "text/plain; charset=utf-8"
        assert text.headers["vary"] == "Accept"
        assert text.body.endswith(b"\n")
        assert b"<" not in text.body.replace(b"<id>", b"").replace(b"<!--", b"") or re.match(
            "/(exhibit|labels|labs)", path
        )  # a label may
    data = centre.ask(PAGES[path])
    assert data.headers["content-type"] == "application/json"
    assert isinstance(data.json(), dict)


@pytest.mark.parametrize(
    "path",
    ["/exhibit/nothing", "/compare/cgi/nothing", "/compare/nothing/cgi", "/exhibit/%3Cb%3E", "/exhibit/%1b%5b31m"],
)
def test_an_exhibit_that_is_not_there_is_404_in_words(centre: CentreZoo, path: str) -> None:
    for address in (path, f"/api{path}"):
        answer = centre.ask(address)
        assert (answer.status, answer.headers["content-type"]) == (404, "text/plain; charset=utf-8")
        assert re.fullmatch(rb"there is no exhibit '[ -~]+'; / lists them\n", answer.body)
    assert centre.ask(path, "Accept: text/html").status == 404, "a browser has the status, too"


def test_the_map_has_every_cell_and_its_state(centre: CentreZoo) -> None:
    data = centre.json("/api/map")
    rows = {row["id"]: row for group in data["protocols"].values() for row in group}
    assert set(rows) == set(REGISTRY.exhibits)
    assert data["fronts"] == ["nginx", "apache"]
    states = {(id, front): cell["state"] for id, row in rows.items() for front, cell in row["cells"].items()}
    assert {cell for cell, state in states.items() if state == "answers"} == set(centre.open_cells())
    assert set(states.values()) == {"answers", "closed"}
    assert all(cell["why"] for row in rows.values() for cell in row["cells"].values() if cell["state"] == "closed")
    text = centre.ask("/").body.decode()
    assert re.search(r"^  fastcgi +one process, four threads +nginx answers, apache answers$", text, re.MULTILINE)
    assert re.search(r"^  mod_wsgi .* nginx closed, apache answers$", text, re.MULTILINE)


@needs_sight
def test_an_exhibit_has_its_label_configuration_source_and_family(centre: CentreZoo) -> None:
    data = centre.json("/api/exhibit/fastcgi")
    assert data["plain_label"] == (ROOT / "fastcgi/README.md").read_text(encoding="utf-8")
    files = {file["path"]: file["text"] for part in ("configuration", "source") for file in data[part]}
    assert {"nginx/cages/fastcgi.conf", "apache/cages/fastcgi.conf", "fastcgi/cage.toml", "app/zoo_app.py"} <= set(
        files
    )
    assert all(text == (ROOT / path).read_text(encoding="utf-8") for path, text in files.items())
    assert data["fronts"] == {"nginx": None, "apache": None}
    assert [row["pid"] for row in data["family"]["rows"]] == [centre.session("fastcgi")]
    assert data["family"]["rows"][0]["pss"] > 0
    assert centre.json("/api/exhibit/mod_wsgi")["fronts"]["nginx"]


def test_side_by_side_says_what_differs(centre: CentreZoo) -> None:
    data = centre.json("/api/compare/fastcgi/uwsgi")
    assert data["a"]["axes"]["wire protocol"] == "FastCGI"
    assert data["b"]["axes"]["wire protocol"] == "uwsgi"
    assert [side["exhibit"] for side in data["sides"]] == ["fastcgi", "uwsgi"]
    assert {"REQUEST_METHOD", "PATH_INFO"} <= {row["name"] for row in data["variables"]}
    inside = centre.json("/api/compare/fastcgi/mod_wsgi")
    assert inside["sides"] is None
    assert inside["why"]


@needs_sight
def test_the_processes_are_those_of_the_zoo(centre: CentreZoo) -> None:
    families = {family["name"]: family for family in centre.json("/api/processes")["families"]}
    assert {"keeper", "nginx", "apache", "centre", "fastcgi", "uwsgi"} <= set(families)
    assert [row["pid"] for row in families["fastcgi"]["rows"]] == [centre.session("fastcgi")]
    for family in families.values():
        assert family["threads"] == sum(row["threads"] for row in family["rows"])
        assert family["pss"] == sum(row["pss"] for row in family["rows"])
    assert str(centre.session("fastcgi")) in centre.ask("/processes").body.decode()


def test_two_hundred_viewers_cost_one_look(centre: CentreZoo) -> None:
    """The map asks the cells once for all."""
    centre.json("/api/map")
    before = centre.requests()
    for _ in range(20):
        centre.json("/api/map")
    assert centre.requests() - before <= 2 * 3, "two cells of fastcgi, and a look every two seconds"


# --- a page that is added ---------------------------------------------------------------------------------------------

ADDED = '''"""A page that a test adds."""

from gateway_zoo.centre.page import NotThere, Page, Refused


def data(context, given):
    if given["word"] == "missing":
        raise NotThere("there is no such word")
    return {"word": given["word"], "root": str(context.settings.root)}


def text(record):
    return f"the word is {record['word']}\\n"


def act(context, given):
    if "word" not in given:
        raise Refused("a word is missing", 409)
    return {"acted": given["word"]}


PAGE = Page("/added/{word}", "Added <one>", data, text, order=2, actions={"act": act})
'''


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The centre with one folder more, and none of its files edited."""
    folder = tmp_path / "pages"
    shutil.copytree(pages.FOLDER, folder)
    (folder / "added").mkdir()
    for name, content in {
        "page.py": ADDED,
        "page.html": "<h1>Added</h1>\n",
        "page.js": "export const added = true;\n",
    }.items():
        (folder / "added" / name).write_text(content, encoding="utf-8")
    monkeypatch.setattr(pages, "FOLDER", folder)
    yield application(Context(read_settings({"ZOO_ROOT": str(ROOT), "ZOO_RUN": str(tmp_path)})), 8000)
    sys.modules.pop("zoo_page_added")


def ask(app: Any, path: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], str]:
    """Ask an ASGI application; with a body, POST it."""
    sent: list[Message] = []
    given = {"host": "localhost:8000", **{name.replace("_", "-"): value for name, value in headers.items()}}
    given |= {} if body is None else {"content-length": str(len(body)), "content-type": "application/json"}
    scope = {
        "type": "http",
        "method": "GET" if body is None else "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": body or b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    answer = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], answer, b"".join(message.get("body", b"") for message in sent).decode()


def test_a_new_folder_is_a_page_without_an_edit(added: Any) -> None:
    status, headers, page = ask(added, "/added/hello", accept="text/html")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<h1>Added</h1>" in page
    assert '<script type="module" src="/pages/added/page.js">' in page
    assert "<title>Added &lt;one&gt; · Gateway Zoo</title>" in page
    names = re.findall(r">([^<]+)</a>", page.partition("<nav")[2].partition("</nav>")[0])
    assert [name for name in names if name in NAMES] == NAMES, "in the order of the navigation"
    assert ask(added, "/pages/added/page.js")[2] == "export const added = true;\n"
    assert ask(added, "/api/added/hello")[2] == f'{{"word":"hello","root":"{ROOT}"}}'
    assert ask(added, "/added/hello")[2] == "the word is hello\n"
    assert ask(added, "/added/missing")[::2] == (404, "there is no such word\n")
    assert ask(added, "/pages/added/page.py")[0] == 404
    token = re.findall(r'name="zoo-token" content="([^"]+)"', page)[0]
    assert ask(added, "/api/added/act", b'{"word": 1}', x_zoo_token=token)[::2] == (200, '{"acted":1}')
    assert ask(added, "/api/added/act", b"{}", x_zoo_token=token)[::2] == (409, "a word is missing\n")
    assert ask(added, "/api/added/act", b'{"word": 1}')[0] == 403


def test_every_page_has_its_parts() -> None:
    found = pages.find()
    assert {"map", "exhibit", "compare", "processes"} <= set(found)
    for name, page in found.items():
        folder = pages.FOLDER / name
        assert {file.name for file in folder.iterdir()} >= {"page.py", "page.html", "page.js"}, name
        assert page.path.startswith("/")
    titles = [page.title for page in found.values() if page.order]
    assert [title for title in titles if title in NAMES] == ["Map", "Follow", "Processes", "For a class"]


# --- without a zoo ----------------------------------------------------------------------------------------------------


def test_without_a_zoo_each_page_says_so_and_the_process_lives() -> None:
    with Zoo() as idle:
        zoo = CentreZoo()
        zoo.env["ZOO_RUN"] = idle.env["ZOO_RUN"]
        argv = [sys.executable, "-I", "-m", "gateway_zoo.centre"]
        process = subprocess.Popen(argv, env=zoo.env | {"ZOO_ROOT": str(ROOT)}, stderr=subprocess.PIPE, text=True)
        try:
            eventually(lambda: process.poll() is not None or _answers(zoo), 10, "the centre listens")
            for path, api in PAGES.items():
                if path in ("/labels", "/labs"):  # texts of the checkout
                    continue
                assert zoo.ask(path, "Accept: text/html").status == 200
                answer = zoo.ask(api)
                words = {"/api/processes": b"No zoo runs.", "/api/wire": b'"recordings":[]'}.get(api)
                if api in ("/api/labels", "/api/labs"):
                    words = b'"documents":['  # files of the checkout
                assert answer.status == (200 if words else 503), api
                assert (words or b"no zoo is running in ") in answer.body
            assert zoo.ask("/exhibit/nothing").status == 404
            refused = zoo.post({"cells": [["fastcgi", "nginx"]]})
            assert (refused.status, b"no zoo is running in " in refused.body) == (503, True)
            assert process.poll() is None
        finally:
            process.terminate()
            said = process.communicate(timeout=10)[1]
            zoo.run.rmdir()
        assert said == ""
        assert process.returncode == 0


def _answers(zoo: CentreZoo) -> bool:
    try:
        return zoo.ask("/nothing").status == 404
    except OSError:
        return False


def test_a_held_port_is_said_and_ends_the_centre(centre: CentreZoo) -> None:
    argv = [sys.executable, "-I", "-m", "gateway_zoo.centre"]
    env = centre.env | {"ZOO_ROOT": str(ROOT)}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 3
    assert done.stderr == f"zoo: the visitor centre cannot listen on port {centre.centre}: Address already in use\n"


def test_the_exhibits_of_these_tests_are_open(centre: CentreZoo) -> None:
    assert {exhibit for exhibit, _ in centre.open_cells()} == set(EXHIBITS)


def test_a_centre_of_another_checkout_says_so(centre: CentreZoo, tmp_path: Path) -> None:
    argv = [sys.executable, "-I", "-m", "gateway_zoo.centre"]
    (tmp_path / "app").mkdir()
    env = centre.env | {"ZOO_ROOT": str(tmp_path)}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (3, False), done.stderr
    assert done.stderr.startswith("zoo: ")
