"""What the fronts answer themselves: an exhibit's first page, the list as a text and as a page, the icon."""

import dataclasses
import html
import re
import socket
from pathlib import Path
from urllib.parse import urljoin

import msgspec
import psutil
import pytest
import requests
from browser import chromium
from raw_http import ask, everywhere
from zoo_in_test import FRONTS, REGISTRY, ROOT, TLS, Zoo

from gateway_zoo.keeper import front_pages
from gateway_zoo.registry import plans
from gateway_zoo.registry.cages import Registry
from gateway_zoo.settings import Settings

PAGED = ["asgi-board", "pages"]  # these have a page of their own at /ID/
METHODS = ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"]


def test_an_exhibit_says_what_it_is_and_what_it_answers(zoo: Zoo) -> None:
    """With a slash or without, whatever is asked with it, and HEAD; the same text behind both fronts."""
    texts: dict[str, set[str]] = {}

    def complaints(exhibit: str, front: str) -> list[str]:
        base = zoo.url(exhibit, front, "")
        seen = {end: requests.get(base.rstrip("/") + end, timeout=20, allow_redirects=False) for end in ENDS}
        head = requests.head(base, timeout=20)
        texts.setdefault(exhibit, set()).update(answer.text for answer in seen.values())
        wrong = [
            f"{end}: {a.status_code}" for end, a in seen.items() if (a.status_code, a.headers["Content-Type"]) != FINE
        ]
        return wrong + ([] if (head.status_code, head.text) == (200, "") else [f"HEAD: {head.status_code}"])

    everywhere([cell for cell in zoo.open_cells() if cell[0] not in PAGED], complaints)
    for exhibit, found in texts.items():
        assert len(found) == 1, (exhibit, found)
        text = found.pop()
        assert text.startswith(f"{exhibit}: {REGISTRY.exhibits[exhibit].about}\n"), text
        assert all(f"/{exhibit}/{endpoint} " in text for endpoint in ("hello", "ping", "status")), text


ENDS = ["", "/", "?x=1", "/?x=1&y=/status"]
FINE = (200, "text/plain; charset=utf-8")


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("exhibit", [*PAGED, "news"])
def test_a_page_of_its_own_stays_where_it_is(zoo: Zoo, front: str, exhibit: str) -> None:
    assert zoo.get(exhibit, front, "").headers["Content-Type"] == "text/html; charset=utf-8"
    bare = requests.get(zoo.url(exhibit, front, "").rstrip("/") + "?x=1", timeout=20)
    assert (bare.status_code, bare.url) == (200, zoo.url(exhibit, front, "?x=1"))


def test_a_closed_exhibit_and_an_unknown_one_say_so(zoo: Zoo) -> None:
    for end in ("mod_wsgi", "mod_wsgi/"):
        answer = requests.get(f"http://127.0.0.1:{zoo.ports['nginx']}/{end}", timeout=20)
        assert (answer.status_code, "closed behind nginx: nginx embeds no" in answer.text) == (404, True), answer.text
    for front in FRONTS:
        for end in ("nope", "nope/", "fastcgi-", "about/fastcgi", "-pages/about/fastcgi.txt"):
            answer = requests.get(f"http://127.0.0.1:{zoo.ports[front]}/{end}", timeout=20)
            assert answer.status_code in ((404,) if front == "nginx" else (404, 200)), (front, end)


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("path", ["", "fastcgi", "fastcgi/", "exhibits.json", "favicon.ico", "news/"])
def test_other_methods_are_refused(zoo: Zoo, front: str, path: str) -> None:
    for method in METHODS:
        answer = requests.request(method, f"http://127.0.0.1:{zoo.ports[front]}/{path}", timeout=20)
        assert answer.status_code == 405, (method, answer.status_code)
        assert answer.text == "405 Method Not Allowed\n", (method, answer.text)
        assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}, method


@pytest.mark.parametrize("front", FRONTS)
def test_the_icon_is_there(zoo: Zoo, front: str) -> None:
    answer = requests.get(f"http://127.0.0.1:{zoo.ports[front]}/favicon.ico", timeout=20)
    assert (answer.status_code, answer.headers["Content-Type"].partition(";")[0]) == (200, "image/svg+xml")


# --- the address that was asked ---------------------------------------------------------------------------------------


def base(zoo: Zoo, front: str, host: bytes, version: bytes = b"1.1") -> str:
    """What the first page puts before /fastcgi/hello, for a Host header."""
    line = b"Host: %b\r\n" % host if host else b""
    got = ask(zoo.ports[front], b"GET / HTTP/%b\r\n%bConnection: close\r\n\r\n" % (version, line))
    assert got.status in (200, 400), got
    return got.body.decode("latin-1").partition("/fastcgi/hello")[0].rpartition("curl ")[2] if got.status == 200 else ""


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize(
    "host", ["localhost:8080", "192.0.2.7:8080", "zoo.uni.example", "[2001:db8::1]:80", "lab-7_b:1"]
)
def test_the_list_names_the_address_that_was_asked(zoo: Zoo, front: str, host: str) -> None:
    assert base(zoo, front, host.encode()) == f"http://{host}"


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize(
    "host", [b"", b"x;reboot", b"$(reboot)", b"`reboot`", b"<b>x</b>", b"a\xe9b", b"x:1:2", b"x|y", b"x:123456", b"a'b",
             b"<!--#printenv-->", b"x" * 300, b"[x]"],
)  # fmt: skip
def test_what_is_no_address_is_not_repeated(zoo: Zoo, front: str, host: bytes) -> None:
    assert base(zoo, front, host, b"1.1" if host else b"1.0") in ("", f"http://127.0.0.1:{zoo.ports[front]}")


@pytest.mark.parametrize("front", FRONTS)
def test_over_https_the_list_names_https(zoo: Zoo, front: str) -> None:
    url = f"https://localhost:{zoo.ports[front] + TLS}"
    page = requests.get(f"{url}/", timeout=20, verify=str(zoo.run / "sock/tls/ca.pem")).text
    assert f"curl {url}/fastcgi/hello\n" in page
    assert f"{url}/news/\n" in page


# --- the list as a text, and as a page --------------------------------------------------------------------------------

CHROMIUM = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
PAGE, TEXT = "text/html; charset=utf-8", "text/plain; charset=utf-8"
LOOPBACK = ["localhost", "localhost:{}", "LOCALHOST:{}", "127.0.0.1", "127.0.0.1:{}", "[::1]", "[::1]:{}"]
FOREIGN = [
    "192.0.2.7:{}", "zoo.uni.example", "localhost.uni.example:{}", "xlocalhost", "127.0.0.1.example", "127.0.0.12",
    "127x0x0x1", "localhost:1:2", "[2001:db8::1]", "<b>localhost</b>", "a@localhost", "",
]  # fmt: skip


def first_page(zoo: Zoo, front: str, accept: str = CHROMIUM, host: str = "localhost") -> requests.Response:
    """The answer to `/`."""
    headers = {"Accept": accept or None, "Host": host}
    return requests.get(f"http://127.0.0.1:{zoo.ports[front]}/", headers=headers, timeout=20)


def links(page: str) -> list[str]:
    return [html.unescape(link) for link in re.findall(r'<a href="([^"]*)"', page)]


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize(
    ("accept", "kind"),
    [("", TEXT), ("*/*", TEXT), ("text/plain", TEXT), ("application/json, */*", TEXT), ("image/avif,*/*;q=0.8", TEXT),
     (CHROMIUM, PAGE), ("text/html", PAGE), ("Text/HTML;q=0.9, */*", PAGE), ("image/webp, text/html", PAGE)],
)  # fmt: skip
def test_accept_chooses_the_form_of_the_list(zoo: Zoo, front: str, accept: str, kind: str) -> None:
    """A cache learns it from Vary. HEAD has the same headers, and no body."""
    answer = first_page(zoo, front, accept)
    assert (answer.status_code, answer.headers["Content-Type"], answer.headers["Vary"]) == (200, kind, "Accept")
    assert answer.text.startswith("<!doctype html>" if kind == PAGE else f"Gateway Zoo, behind {front}. ")
    head = requests.head(answer.url, headers={"Accept": accept or None}, timeout=20)
    assert (head.status_code, head.text) == (200, "")
    assert {name: head.headers[name] for name in ("Content-Type", "Vary")} == {"Content-Type": kind, "Vary": "Accept"}
    assert "X-Request-ID" in answer.headers
    assert "X-Request-ID" in head.headers


@pytest.mark.parametrize("front", FRONTS)
def test_a_page_that_a_browser_has_is_not_sent_again(zoo: Zoo, front: str) -> None:
    """But never in place of the text, which has no date."""
    have = {"If-Modified-Since": first_page(zoo, front).headers["Last-Modified"]}
    url = f"http://127.0.0.1:{zoo.ports[front]}/"
    again = requests.get(url, headers={"Accept": CHROMIUM, "Host": "localhost"} | have, timeout=20)
    assert (again.status_code, again.headers["Vary"]) == (304, "Accept")
    text = requests.get(url, headers=have, timeout=20)
    assert (text.status_code, "Last-Modified" in text.headers) == (200, False)
    assert "curl http" in text.text


@pytest.mark.parametrize("front", FRONTS)
def test_the_columns_of_the_text_line_up(zoo: Zoo, front: str) -> None:
    lines = requests.get(f"http://127.0.0.1:{zoo.ports[front]}/", timeout=20).text.splitlines()
    rows = lines[2 : lines.index("", 2)]
    assert len(rows) == len(REGISTRY.exhibits)
    where = set()
    for row, exhibit in zip(rows, REGISTRY.exhibits.values(), strict=True):
        rest = re.search(r" (curl http://127\.0\.0\.1:\d+/[a-z_-]+/hello|closed: .+)$", row)
        assert rest, row
        assert row[: rest.start()].split(maxsplit=1)[0] == exhibit.id
        where.add((row.index(f" {exhibit.about}", len(exhibit.id)), rest.start()))
    assert len(where) == 1, where
    addresses = {line.index(" http://") for line in lines if line.startswith("in a browser")}
    assert addresses == {where.pop()[1]}


@pytest.mark.parametrize("front", FRONTS)
def test_the_page_has_the_same_list(zoo: Zoo, front: str) -> None:
    """Every open exhibit with links that answer, every closed one with its reason, every page for a browser."""
    answer = first_page(zoo, front)
    rows = re.findall(r'<tr><th scope="row">(.+?)<td>(.+?)<td(.*?)>(.+)', answer.text)
    assert [about for _, about, _, _ in rows] == [html.escape(e.about) for e in REGISTRY.exhibits.values()]
    closed = {cell["exhibit"]: cell["closed"] for cell in zoo.state()["cells"] if cell["front"] == front}
    for (name, _, _, way), id in zip(rows, REGISTRY.exhibits, strict=True):
        if closed[id]:
            assert (name, way) == (id, html.escape(f"closed: {closed[id]}"))
        else:
            assert (links(name), links(way)) == ([f"/{id}/"], [f"/{id}/hello"])
    text = first_page(zoo, front, "*/*").text
    paths = re.findall(r"^in a browser +http://localhost(.+)$", text, re.MULTILINE)
    assert paths
    assert links(answer.text.partition("<table>")[0]) == paths
    for link in links(answer.text):
        assert requests.get(urljoin(answer.url, link), timeout=20).status_code == 200, link


@pytest.mark.parametrize("front", FRONTS)
def test_the_page_has_no_script_and_may_have_none(zoo: Zoo, front: str) -> None:
    answer = first_page(zoo, front)
    policy = dict(rule.split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'", "style-src": "'self'", "img-src": "'self'", "base-uri": "'none'",
        "form-action": "'none'", "frame-ancestors": "'none'",
    }  # fmt: skip
    assert (answer.headers["X-Content-Type-Options"], answer.headers["Cache-Control"]) == ("nosniff", "no-cache")
    assert not re.search(r"<script|<style| style=| on\w+=|javascript:", answer.text)


def plan_of(tmp_path: Path, registry: Registry = REGISTRY, port: int = 0) -> plans.Plan:
    return plans.make(Settings(root=ROOT, run=tmp_path, centre_port=port), registry=registry)


def test_words_of_a_cage_stay_words(tmp_path: Path) -> None:
    """What an exhibit is, why it is closed and what a cage is called are shown as text."""
    hostile = """<script>alert(1)</script>"'&<!--#printenv -->"""
    cage = REGISTRY.cages[0]
    exhibits = [
        msgspec.structs.replace(exhibit, about=hostile, closed={"nginx": hostile}) for exhibit in cage.file.exhibit
    ]
    file = msgspec.structs.replace(cage.file, title=hostile, pages=["/x/"], exhibit=exhibits)
    registry = Registry([dataclasses.replace(cage, file=file), *REGISTRY.cages[1:]])
    page = front_pages.index_page("nginx", plan_of(tmp_path, registry), 0)
    assert html.escape(hostile) in page
    assert f"closed: {html.escape(hostile)}" in page
    assert "<script" not in page
    assert "<!--" not in page


def test_only_a_page_for_this_machine_leads_to_the_centre(tmp_path: Path) -> None:
    """Without a centre (port 0) none does."""
    for port in (0, 8000):
        front_pages.write("nginx", tmp_path / str(port), plan_of(tmp_path, port=port))
    pages = {file: file.read_text(encoding="utf-8") for file in tmp_path.glob("*/index*.html")}
    assert len(pages) == 4
    leading = [file for file, page in pages.items() if "centre" in page]
    assert leading == [tmp_path / "8000/index_here.html"]
    assert links(pages[leading[0]])[0] == "http://localhost:8000/"


@pytest.mark.slow
def test_a_loopback_name_in_host_leads_to_the_centre(fresh_zoo: Zoo) -> None:
    port = fresh_zoo.ports["nginx"] + 2 * TLS
    fresh_zoo.up("wsgi", env={"ZOO_CENTRE_PORT": str(port)})
    centre = f"http://localhost:{fresh_zoo.state()['settings']['ZOO_CENTRE_PORT']}/"
    assert requests.get(centre, timeout=20).status_code == 200
    for front in FRONTS:
        answers = {host: ask(fresh_zoo.ports[front], asked(host.format(fresh_zoo.ports[front]))) for host in LOOPBACK}
        assert {host: links(answer.body.decode())[:1] for host, answer in answers.items()} == {
            host: [centre] for host in LOOPBACK
        }
        for host in FOREIGN:
            answer = ask(fresh_zoo.ports[front], asked(host.format(fresh_zoo.ports[front])))
            assert answer.status in (200, 400), (host, answer)
            assert b"centre" not in answer.body, host
            assert answer.status == 400 or answer.headers["content-type"] == PAGE, host
        assert centre not in first_page(fresh_zoo, front, "*/*").text
        url = f"https://localhost:{fresh_zoo.ports[front] + TLS}/"
        secure = requests.get(
            url, headers={"Accept": CHROMIUM}, timeout=20, verify=str(fresh_zoo.run / "sock/tls/ca.pem")
        )
        assert links(secure.text)[0] == centre
    with chromium() as browser:
        page = browser.new_page()
        page.goto(f"http://localhost:{fresh_zoo.ports['nginx']}/")
        page.get_by_role("link", name="visitor centre").click()
        page.wait_for_url(centre)


@pytest.mark.slow
def test_every_page_leads_back_to_the_centre_or_to_the_first_page(fresh_zoo: Zoo) -> None:
    port = fresh_zoo.ports["nginx"] + 2 * TLS
    fresh_zoo.up("asgi-board", "pages", env={"ZOO_CENTRE_PORT": str(port)})
    for front in FRONTS:
        url = f"http://127.0.0.1:{fresh_zoo.ports[front]}"
        for path in ("/news/", "/asgi-board/", "/pages/static/", "/pages/xhr/"):
            assert '<a href="/-centre">Gateway Zoo</a>' in requests.get(url + path, timeout=20).text, path
        for host, there in (("localhost:1", "localhost"), ("127.0.0.1", "127.0.0.1"), ("[::1]:9", "[::1]")):
            answer = requests.get(f"{url}/-centre", headers={"Host": host}, allow_redirects=False, timeout=20)
            assert (answer.status_code, answer.headers["Location"]) == (302, f"http://{there}:{port}/")
        for host in FOREIGN:
            lines = asked(host.format(fresh_zoo.ports[front])).replace(b"GET / ", b"GET /-centre ")
            foreign = ask(fresh_zoo.ports[front], lines)
            assert foreign.status in (302, 400), (host, foreign)
            assert foreign.status == 400 or foreign.headers["location"].endswith("/"), foreign
            assert f":{port}/" not in foreign.headers.get("location", ""), foreign


def asked(host: str) -> bytes:
    """A browser's request for `/`; without a host as HTTP/1.0."""
    line = f"Host: {host}\r\n" if host else ""
    return f"GET / HTTP/1.{1 if host else 0}\r\n{line}Accept: text/html\r\nConnection: close\r\n\r\n".encode()


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_the_page_fits_and_can_be_read(zoo: Zoo, front: str, width: int, height: int) -> None:
    """chromium() fails for a complaint, such as a style that the policy blocked."""
    with chromium() as browser:
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(f"http://127.0.0.1:{zoo.ports[front]}/")
        assert page.title() == page.locator("h1").inner_text() == f"Gateway Zoo, behind {front}"
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        sizes = page.evaluate(
            """[...document.querySelectorAll("main *")].map((e) => parseFloat(getComputedStyle(e).fontSize))"""
        )
        assert min(sizes) >= 16
        page.get_by_role("link", name="/wsgi/hello", exact=True).click()
        assert page.locator("body").inner_text() == "Hello from the Gateway Zoo\n"


# --- for a class ------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_addresses_for_the_class_are_those_that_lead_here(fresh_zoo: Zoo) -> None:
    """ZOO_LISTEN: what `up` prints can be asked as it stands; without it nothing is printed."""
    done = fresh_zoo.cli(
        "up",
        "-d",
        "wsgi",
        env={"ZOO_LISTEN": "0.0.0.0"},  # noqa: S104 - what a class is given
    )
    assert done.returncode == 0, done.stderr
    printed = [line.split()[-2:] for line in done.stdout.splitlines() if line.startswith("for the class")]
    assert printed
    own = {a.address for some in psutil.net_if_addrs().values() for a in some if a.family == socket.AF_INET}
    assert {url.removeprefix("http://").partition(":")[0] for url, _ in printed} <= own - {"127.0.0.1"}
    for url, front in printed:
        assert requests.get(f"{url}wsgi/hello", timeout=20).text == "Hello from the Gateway Zoo\n", (url, front)
        assert requests.get(f"{url}wsgi/status", timeout=20).status_code == 403, "seen from there, even we are not near"
        assert f"curl {url}wsgi/hello\n" in requests.get(url, timeout=20).text
    fresh_zoo.down()
    assert "for the class" not in fresh_zoo.cli("up", "-d", "wsgi").stdout
