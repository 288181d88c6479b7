"""One page, five ways, over HTTP: who answers, with which headers, and what happens to requests that are wrong."""

import http.client
import json
import os
import re
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import raw_http
from zoo_in_test import FRONTS, ROOT, Zoo, eventually, python_of

from gateway_zoo.registry.cages import load

CAGE = ROOT / "pages"
HTML, JSON = "text/html; charset=utf-8", "application/json"
GATEWAYS: list[dict[str, Any]] = json.loads((CAGE / "gateways.json").read_text(encoding="utf-8"))
FROM_DISK = ["static/", "csr/", "spa/", "spa/fastcgi/", "spa/no/such/thing.png", "xhr/", "assets/waterfall.js"]
FROM_THE_APP = [
    "",
    "ssr/",
    "mpa/",
    "mpa/fastcgi/",
    "scroll/",
    "scroll/?after=12",
    "data.json",
    "gateways?limit=3",
    "slow",
]
both_fronts = pytest.mark.parametrize("front", FRONTS)


def policy() -> str:
    """The Content-Security-Policy that nginx gives to files."""
    found = re.search(r'Content-Security-Policy "(.+)" always', (ROOT / "nginx/params/page.conf").read_text())
    assert found
    return found[1]


# --- what is there ----------------------------------------------------------------------------------------------------


@both_fronts
@pytest.mark.parametrize("path", FROM_DISK + FROM_THE_APP)
def test_each_path_answers_get_and_head_with_the_headers_of_a_page(zoo: Zoo, front: str, path: str) -> None:
    got = zoo.get("pages", front, path)
    assert got.status_code == 200
    expected = JSON if path.startswith(("data", "gateways", "slow")) else "text/javascript" if ".js" in path else HTML
    assert got.headers["Content-Type"].startswith(expected)
    assert got.headers["Content-Security-Policy"] == policy()
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Cache-Control"] == "no-cache"
    assert int(got.headers["Content-Length"]) == len(got.content)
    head = raw_http.ask(zoo.ports[front], raw_http.request(f"/pages/{path}", method="HEAD"))
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-type"] == got.headers["Content-Type"]
    assert head.headers["content-security-policy"] == policy()


@both_fronts
@pytest.mark.parametrize("path", FROM_DISK + FROM_THE_APP)
def test_the_front_answers_from_disk_and_asks_the_app_as_the_fragments_say(zoo: Zoo, front: str, path: str) -> None:
    got = zoo.get("pages", front, path)
    if front == "apache":  # it passes the app's Server header on, and writes its own otherwise
        assert got.headers["Server"].startswith("Apache" if path in FROM_DISK else "waitress")
        return
    lines: list[list[str]] = []

    def logged() -> bool:
        text = (zoo.run / "logs/nginx.log").read_text(encoding="utf-8", errors="replace")
        lines[:] = [line.split() for line in text.splitlines() if f" {got.headers['X-Request-ID']} " in line]
        return bool(lines)

    eventually(logged, 5, "a line in nginx's log")
    assert [line[7] == "-" for line in lines] == [path in FROM_DISK], lines  # seconds in the gateway


def test_both_fronts_give_the_same_bytes(zoo: Zoo) -> None:
    for path in [*FROM_DISK, *(path for path in FROM_THE_APP if path != "ssr/")]:
        nginx, apache = (zoo.get("pages", front, path).content for front in FRONTS)
        assert nginx == apache, path


@both_fronts
def test_html_holds_the_list_where_a_server_made_it_and_only_there(zoo: Zoo, front: str) -> None:
    cards = {way: zoo.get("pages", front, f"{way}/").text.count('<li class="gateway">') for way in WAYS}
    assert cards == {"static": len(GATEWAYS), "ssr": len(GATEWAYS), "csr": 0, "mpa": len(GATEWAYS), "spa": 0}


WAYS = ("static", "ssr", "csr", "mpa", "spa")


def test_ssr_is_made_for_each_request_and_says_by_way_of_which_front(zoo: Zoo) -> None:
    def said(front: str) -> list[str]:
        return re.findall(r"at ([\d:.]+ UTC), behind (\w+)", zoo.get("pages", front, "ssr/").text)

    one, two = said("nginx"), said("nginx")
    assert len(one) == len(two) == 1
    assert one != two
    assert said("apache")[0][1] == "apache"


@both_fronts
def test_a_file_is_revalidated_and_a_rendered_page_is_sent_again(zoo: Zoo, front: str) -> None:
    when = zoo.get("pages", front, "static/").headers["Last-Modified"]
    again = zoo.get("pages", front, "static/", headers={"If-Modified-Since": when})
    assert (again.status_code, again.content) == (304, b"")
    rendered = zoo.get("pages", front, "ssr/", headers={"If-Modified-Since": when, "If-None-Match": "*"})
    assert rendered.status_code == 200
    assert not {"Last-Modified", "ETag"} & set(rendered.headers)


@both_fronts
def test_a_folder_without_its_slash_leads_to_the_folder_on_this_front(zoo: Zoo, front: str) -> None:
    for path in ("static", "ssr", "csr", "mpa", "mpa/fastcgi", "spa", "scroll", "xhr"):
        got = zoo.get("pages", front, path)
        assert [answer.status_code for answer in (*got.history, got)] == [308, 200], path
        assert got.url == zoo.url("pages", front, f"{path}/")


# --- one source -------------------------------------------------------------------------------------------------------


def test_the_gateways_are_what_their_cages_say() -> None:
    registry = load(ROOT)
    assert len(GATEWAYS) >= 7
    for row in GATEWAYS:
        file = registry.cage_of(row["id"]).file
        found = (row["name"], row["year"], row["protocol"], row["interface"])
        assert found == (file.title, file.year, file.protocol, file.interface)
        assert set(row["models"]) == {family.model for family in file.family}, row["id"]
    assert [row["year"] for row in GATEWAYS] == sorted(row["year"] for row in GATEWAYS)


def write(cage: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a cage's write.py."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "app")}
    argv = [python_of(), str(cage / "write.py"), *words]
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=False)


def test_the_files_are_what_the_templates_make() -> None:
    done = write(CAGE)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr
    static, templates = CAGE / "public/static/index.html", CAGE / "templates"
    assert static.exists()
    assert templates.is_dir()


def test_a_file_that_drifted_is_named_and_can_be_written_again(tmp_path: Path) -> None:
    cage = Path(shutil.copytree(CAGE, tmp_path / "pages"))
    file = cage / "public/static/index.html"
    good = file.read_bytes()
    file.write_bytes(good.replace(b"FastCGI", b"SlowCGI"))
    (cage / "public/csr/index.html").unlink()
    done = write(cage)
    stale = "stale: public/static/index.html\nstale: public/csr/index.html\n"
    assert (done.returncode, done.stdout) == (1, stale), done.stderr
    assert write(cage, "--write").returncode == 0
    assert file.read_bytes() == good
    assert write(cage).returncode == 0


# --- the endless list -------------------------------------------------------------------------------------------------


@both_fronts
def test_following_next_gives_every_row_once(zoo: Zoo, front: str) -> None:
    numbers, names, after = [], [], 0
    while after is not None:
        got = zoo.get("pages", front, f"gateways?after={after}&limit=50").json()
        assert got.keys() == {"rows", "next", "total"}
        numbers += [row["number"] for row in got["rows"]]
        names += [row["name"] for row in got["rows"]]
        after = got["next"]
    assert numbers == list(range(1, got["total"] + 1))
    assert len(set(names)) == len(names) > 80
    assert names[: len(GATEWAYS)] == [row["name"] for row in GATEWAYS]
    assert {"SCRIPT_NAME", "404 Not Found"} <= set(names)


def test_windows_at_the_edges(zoo: Zoo) -> None:
    total = zoo.get("pages", "nginx", "gateways").json()["total"]
    assert len(zoo.get("pages", "nginx", "gateways").json()["rows"]) == 12
    for after, limit, rows, next in (
        (0, 1, 1, 1),
        (total - 1, 1, 1, None),
        (total - 2, 1, 1, total - 1),
        (total, 9, 0, None),
    ):
        got = zoo.get("pages", "nginx", f"gateways?after={after}&limit={limit}").json()
        assert (len(got["rows"]), got["next"]) == (rows, next), (after, limit)
    assert zoo.get("pages", "nginx", "gateways?after=9999").json()["rows"] == []


AFTER, LIMIT = "expected one whole number from 0 to 9999", "expected one whole number from 1 to 50"
WRONG = {
    "after=-1": f"after is '-1'; {AFTER}",
    "after=10000": f"after is '10000'; {AFTER}",
    "after=": f"after is ''; {AFTER}",
    "after=1e3": f"after is '1e3'; {AFTER}",
    "after=%2B5": f"after is '+5'; {AFTER}",
    "after=+5": f"after is ' 5'; {AFTER}",
    "after=1_0": f"after is '1_0'; {AFTER}",
    "after=%D9%A3": f"after is '\\u0663'; {AFTER}",
    "after=5%0A": f"after is '5\\n'; {AFTER}",
    "after=" + "9" * 4000: f"after is '{'9' * 40}'; {AFTER}",
    "limit=0": f"limit is '0'; {LIMIT}",
    "limit=51": f"limit is '51'; {LIMIT}",
    "limit=%00": f"limit is '\\x00'; {LIMIT}",
    "limit=%1b[2J": f"limit is '\\x1b[2J'; {LIMIT}",
    "limit=<b>": f"limit is '<b>'; {LIMIT}",
    "limit=1&limit=2": f"limit is given 2 times; {LIMIT}",
    "Limit=1": "'Limit' is no parameter; expected after, limit",
    "after=1&page=2": "'page' is no parameter; expected after, limit",
}


@both_fronts
@pytest.mark.parametrize("query", WRONG, ids=lambda query: query[:20].encode("unicode_escape").decode())
def test_a_wrong_parameter_is_named(zoo: Zoo, front: str, query: str) -> None:
    for path in ("gateways", "scroll/"):
        got = raw_http.ask(zoo.ports[front], raw_http.request(f"/pages/{path}?{query}"))
        assert (got.status, got.body.decode()) == (400, f"400 Bad Request: {WRONG[query]}\n")
        assert got.headers["content-type"] == "text/plain; charset=utf-8"
        assert got.headers["x-content-type-options"] == "nosniff"


# --- what is not there ------------------------------------------------------------------------------------------------


@both_fronts
def test_what_does_not_exist_is_404(zoo: Zoo, front: str) -> None:
    below = (
        "nothing",
        "static/none",
        "csr/none",
        "xhr/none",
        "assets/none.js",
        "mpa/none/",
        "mpa/FASTCGI/",
        "mpa/fastcgi/x",
    )
    for path in (*below, "ssr/none", "scroll/none", "data.json/", "slow/", "static/index.html/", "hello/x"):
        assert zoo.get("pages", front, path).status_code == 404, path
    absent = zoo.get("pages", front, "mpa/none/")
    assert "<h1>No such gateway</h1>" in absent.text
    assert absent.headers["Content-Security-Policy"] == policy()
    assert (
        zoo.get("pages", front, "spa/none/").status_code == 200
    )  # its shell, for any address; the script says the rest


@both_fronts
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(zoo: Zoo, front: str, method: str) -> None:
    for path in FROM_DISK + FROM_THE_APP:
        got = raw_http.ask(
            zoo.ports[front], raw_http.request(f"/pages/{path}", "Content-Length: 2", method=method, body=b"{}")
        )
        assert got.status == 405, path


TRICKS = (
    *("static/../pages_app.py", "static/%2e%2e/pages_app.py", "static/%2e%2e%2fpages_app.py", "static../pages_app.py"),
    *(
        "assets/../../cage.toml",
        "assets/..%5c..%5ccage.toml",
        "assets/..%2f..%2f..%2fpyproject.toml",
        "assets../cage.toml",
    ),
    *("csr/..%252f..%252fcage.toml", "xhr//..//..//cage.toml", "spa/%2e%2e/%2e%2e/serve.py", "spa/../../../etc/passwd"),
    *("static/index.html%00.py", "static/.git", "assets/./../../templates/base.html", "mpa/..%2f..%2fgateways.json/"),
    *("static//etc/passwd", "assets//etc/passwd", "spa//etc/passwd", "templates/base.html", "public/static/index.html"),
)


@both_fronts
@pytest.mark.parametrize("path", TRICKS)
def test_no_path_leads_out_of_the_public_folders(zoo: Zoo, front: str, path: str) -> None:
    got = raw_http.ask(zoo.ports[front], raw_http.request(f"/pages/{path}"))
    shell = (CAGE / "public/spa/index.html").read_bytes()
    assert got.status in (400, 403, 404) or (path.startswith("spa//") and got.body == shell), got
    for piece in (b"zoo_app", b"[[exhibit]]", b"[project]", b"root:", b"{% block"):
        assert piece not in got.body


@both_fronts
def test_the_shell_answers_for_any_address(zoo: Zoo, front: str) -> None:
    shell = (CAGE / "public/spa/index.html").read_bytes()
    for path in (
        "",
        "x",
        "a/b/c/d.js",
        "index.html",
        "index.html/x",
        "x" * 300,
        "%C3%A9%20",
        "?x=1",
        "x?y=/../",
        "a//b",
    ):
        got = raw_http.ask(zoo.ports[front], raw_http.request(f"/pages/spa/{path}"))
        assert (got.status, got.body) == (200, shell), path


# --- the slow answer --------------------------------------------------------------------------------------------------


@both_fronts
def test_the_slow_answer_comes_in_pieces_and_is_whole(zoo: Zoo, front: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", zoo.ports[front], timeout=20)
    connection.request("GET", "/pages/slow")
    began = time.monotonic()
    answer = connection.getresponse()
    first, first_at = answer.read(10), time.monotonic() - began
    rest, whole_at = answer.read(), time.monotonic() - began
    connection.close()
    assert json.loads(first + rest) == GATEWAYS
    assert answer.headers["Content-Length"] == str(len(first + rest))
    assert whole_at - first_at > 1, "the pieces came all at once"
    assert whole_at >= 1.5


@both_fronts
def test_visitors_who_leave_the_slow_answer_free_its_threads(zoo: Zoo, front: str) -> None:
    def leave(_: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", zoo.ports[front], timeout=20)
        connection.request("GET", "/pages/slow")
        time.sleep(0.2)
        connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(leave, range(8)))
    began = time.monotonic()
    assert zoo.get("pages", front).text == "pong\n"
    # Unseen, all eight would take two rounds of 2 s in four threads; a busy machine gets some of that.
    assert time.monotonic() - began < 4
