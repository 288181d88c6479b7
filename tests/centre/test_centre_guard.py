"""The guard of the visitor centre, case by case over real HTTP: which request is answered, and that no other acts."""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from centre_in_test import CentreZoo, a_centre  # noqa: F401 - a fixture
from zoo_in_test import ROOT, eventually

from gateway_zoo.centre import application
from gateway_zoo.serving.page_headers import HEADERS

PAGES = ["/", "/exhibit/fastcgi", "/compare/cgi/fastcgi", "/processes", "/wire"]
DATA = ["/api/map", "/api/exhibit/fastcgi", "/api/compare/cgi/fastcgi", "/api/processes", "/api/wire"]
FILES = [
    "/public/centre.js",
    "/public/crowd.js",
    "/public/wire.js",
    "/public/text.js",
    "/public/zoo.css",
    "/pages/map/page.js",
]
ALL = [*PAGES, *DATA, *FILES, "/nothing"]
ONE = {"cells": [["fastcgi", "nginx"]], "requests": 1, "hold_ms": 10}
LINK = ("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document")


@pytest.fixture
def nothing_sent(centre: CentreZoo) -> Iterator[None]:
    """Whatever the test asks, no request reaches the app of `fastcgi`."""
    before = centre.requests()
    yield
    assert centre.requests() == before + 1, "a refused request has acted"


# --- Host and Origin --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_the_names_of_this_machine_are_good(centre: CentreZoo, name: str) -> None:
    assert {centre.ask(path, host=f"{name}:{centre.centre}").status for path in (*PAGES, *DATA, *FILES)} == {200}


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "localhost", "localhost:1", "127.0.0.2:{port}", "zoo.test:{port}", None],
)
def test_another_name_is_refused_also_with_an_origin_that_agrees(centre: CentreZoo, host: str | None) -> None:
    """DNS rebinding: the browser believes that Host and Origin are one site."""
    name = host and host.format(port=centre.centre)
    for path in ALL:
        for headers in ((), (f"Origin: http://{name}", "Sec-Fetch-Site: same-origin"), ("Sec-Fetch-Site: none", *LINK)):
            answer = centre.ask(path, *headers, host=name)
            assert answer.status in ((400, 403) if host is None else (403,)), (path, headers)
            assert b"zoo-token" not in answer.body


def test_two_hosts_are_refused(centre: CentreZoo) -> None:
    for path in ALL:
        assert centre.ask(path, "Host: evil.example", *LINK).status in (400, 403)
        assert centre.ask(path, f"Host: 127.0.0.1:{centre.centre}").status in (400, 403)


FOREIGN = [
    "Origin: http://evil.example",
    "Origin: null",
    "Origin: ",
    "Origin: http://127.0.0.1:1",
    "Origin: https://127.0.0.1:{port}",
    "Sec-Fetch-Site: cross-site",
    "Sec-Fetch-Site: same-site",
]


@pytest.mark.parametrize("header", FOREIGN)
def test_a_page_of_another_origin_reads_nothing(centre: CentreZoo, header: str) -> None:
    """Not by fetch, a frame, a script, a picture or an EventSource."""
    line = header.format(port=centre.centre)
    for path in ALL:
        for further in (
            ("Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty"),
            ("Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: script"),
            ("Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: iframe"),
            ("Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty", "Accept: text/event-stream"),
            (),
        ):
            answer = centre.ask(path, line, *further)
            assert answer.status == 403, (path, further)
            assert answer.body.startswith(b"a page of another origin may not ask the visitor centre: ")
            assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("site", ["cross-site", "same-site", "same-origin", "none"])
def test_a_link_from_anywhere_leads_to_a_page_and_to_no_data(centre: CentreZoo, site: str) -> None:
    mine = site in ("same-origin", "none")
    for path in PAGES:
        assert centre.ask(path, f"Sec-Fetch-Site: {site}", *LINK, "Accept: text/html").status == 200
    for path in DATA:
        assert centre.ask(path, f"Sec-Fetch-Site: {site}", *LINK).status == (200 if mine else 403)
    for path in PAGES:
        head = centre.ask(path, f"Sec-Fetch-Site: {site}", *LINK, method="HEAD")
        assert head.status == (200 if mine else 403), "no browser follows a link with HEAD"


def test_what_only_looks_like_a_link_is_refused(centre: CentreZoo) -> None:
    site = "Sec-Fetch-Site: cross-site"
    for lines in (
        (site, LINK[0]),
        (site, LINK[1]),
        (site, *LINK, LINK[0]),
        (site, *LINK, LINK[1]),
        (site, *LINK, "Origin: http://evil.example"),
        (site, site, *LINK),
    ):
        assert centre.ask("/", *lines).status == 403, lines


# --- methods and actions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "CONNECT"])
@pytest.mark.usefixtures("nothing_sent")
def test_other_methods_do_nothing(centre: CentreZoo, method: str) -> None:
    for path in (*ALL, "/api/exhibit/crowd"):
        answer = centre.ask(path, f"X-Zoo-Token: {centre.token}", "Content-Length: 0", method=method)
        assert (answer.status, answer.headers.get("allow", "GET, HEAD")) in ((405, "GET, HEAD"), (400, "GET, HEAD"))


def test_head_has_the_head_of_get(centre: CentreZoo) -> None:
    for path in (*PAGES, *DATA, *FILES):
        answer = centre.ask(path, method="HEAD")
        assert (answer.status, answer.body) == (200, b""), path


@pytest.mark.usefixtures("nothing_sent")
def test_a_post_elsewhere_or_a_get_of_the_action_does_nothing(centre: CentreZoo) -> None:
    for path in PAGES:
        body = json.dumps(ONE).encode()
        lines = (f"X-Zoo-Token: {centre.token}", f"Content-Length: {len(body)}", "Content-Type: application/json")
        assert centre.ask(path, *lines, method="POST", body=body).status == 405
    for action in ("map", "map/crowd", "processes", "exhibit/nothing", "exhibit", "exhibit/fastcgi"):
        assert centre.post(ONE, action=action).status in (404, 405), action
    for path in ("/api/exhibit/crowd", '/api/exhibit/crowd?cells=[["fastcgi","nginx"]]&requests=1'):
        assert centre.ask(path, f"X-Zoo-Token: {centre.token}").status == 404


def test_an_action_of_a_page_of_ours_acts(centre: CentreZoo) -> None:
    before = centre.requests()
    own = (f"Origin: {centre.origin}", "Sec-Fetch-Site: same-origin", "Content-Type: application/json; charset=utf-8")
    answer = centre.post(ONE, *own)
    assert (answer.status, answer.json()[0]["requests"]) == (200, 1)
    assert centre.requests() == before + 2


@pytest.mark.parametrize("token", [None, "wrong", "é", "{token}x", "{upper}", ", {token}"])
@pytest.mark.usefixtures("nothing_sent")
def test_a_post_without_the_token_of_this_start_does_nothing(centre: CentreZoo, token: str | None) -> None:
    given = token and token.format(token=centre.token, upper=centre.token.swapcase())
    answer = centre.post(ONE, token=given)
    assert (answer.status, answer.body) == (403, b"expected the token of this start; load the page again\n")


@pytest.mark.usefixtures("nothing_sent")
def test_two_tokens_do_nothing(centre: CentreZoo) -> None:
    twice = (f"X-Zoo-Token: {centre.token}", "Content-Type: application/json")
    assert centre.post(ONE, *twice).status == 403
    assert centre.post(ONE, *twice, token="wrong").status == 403  # noqa: S106 - not a secret


TYPES = [
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain",
    "text/plain; application/json",
    "application/jsonp",
    "application/json2; charset=utf-8",
    "text/json",
    "",
]


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.usefixtures("nothing_sent")
def test_a_post_that_needs_no_preflight_does_nothing(centre: CentreZoo, kind: str) -> None:
    """A page of another site may send these three types without a question."""
    assert centre.post(ONE, f"Content-Type: {kind}" if kind else "X-Nothing: 1").status == 415


@pytest.mark.parametrize("header", FOREIGN)
@pytest.mark.usefixtures("nothing_sent")
def test_a_post_from_elsewhere_does_nothing_even_with_the_token(centre: CentreZoo, header: str) -> None:
    line = header.format(port=centre.centre)
    assert centre.post(ONE, line, "Content-Type: application/json").status == 403
    assert centre.post(ONE, line, "Content-Type: application/json", *LINK).status == 403


DEEP = b"[" * 1500 + b"]" * 1500
BODIES = {
    b"": 422,
    b"null": 422,
    b"[]": 422,
    b"8": 422,
    b'"cells"': 422,
    b"{": 422,
    b"{} {}": 422,
    b"\xff\xfe": 422,
    b'{"cells":': 422,
    DEEP: 422,
    b'{"cells":' + DEEP + b"}": 422,
    b'{"requests":' + b"9" * 4001 + b"}": 422,
    b'{"requests": NaN}': 422,
    b"{}" + b" " * 4095: 413,
}


@pytest.mark.parametrize("body", BODIES, ids=lambda body: f"{body[:16]!a} {len(body)}")
@pytest.mark.usefixtures("nothing_sent")
def test_a_body_that_is_no_short_json_object_does_nothing(centre: CentreZoo, body: bytes) -> None:
    answer = centre.post(body)
    assert answer.status == BODIES[body], answer
    assert answer.body.endswith(b"\n")
    assert answer.body.startswith((b"expected ", b'"cells": expected'))


@pytest.mark.parametrize("length", ["-1", "x", "+2", "4_0", "9" * 30, "9" * 5000, "2, 3"])
@pytest.mark.usefixtures("nothing_sent")
def test_a_length_that_is_no_number_does_nothing(centre: CentreZoo, length: str) -> None:
    lines = (f"X-Zoo-Token: {centre.token}", f"Content-Length: {length}", "Content-Type: application/json")
    assert centre.ask("/api/exhibit/crowd", *lines, method="POST", body=b"{}").status in (400, 413)


@pytest.mark.usefixtures("nothing_sent")
def test_a_body_in_chunks_does_nothing(centre: CentreZoo) -> None:
    body = json.dumps(ONE).encode()
    lines = (f"X-Zoo-Token: {centre.token}", "Transfer-Encoding: chunked", "Content-Type: application/json")
    chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    answer = centre.ask("/api/exhibit/crowd", *lines, method="POST", body=chunks)
    assert (answer.status, answer.body) == (413, b"expected a body of at most 4096 bytes\n")


# --- the bounds of a crowd --------------------------------------------------------------------------------------------

NO_NUMBERS: list[object] = [True, 10.0, 10.5, "10", None, [10], {}]
NO_CELLS: list[object] = [
    None,
    [],
    {},
    "fastcgi",
    [["fastcgi", "nginx"]] * 3,
    [["fastcgi"]],
    [["fastcgi", "nginx", "apache"]],
    [["fastcgi", 1]],
    [[["fastcgi"], "nginx"]],
    ["fastcgi", "nginx"],
    [["fastcgi", "nginx"], "apache"],
    [["fastcgi", "nginx"], ["cgi"]],
    [["fastcgi", "nginx"], None],
]
CROWDS: list[tuple[dict[str, Any], int, str]] = [
    ({"requests": 0}, 422, "0 requests; expected 1 to 32"),
    ({"requests": 33}, 422, "33 requests; expected 1 to 32"),
    ({"requests": -1}, 422, "-1 requests; expected 1 to 32"),
    ({"requests": 10**30}, 422, "requests; expected 1 to 32"),
    ({"hold_ms": 9}, 422, "9 ms; expected 10 to 1000"),
    ({"hold_ms": 1001}, 422, "1001 ms; expected 10 to 1000"),
    *(({"requests": value}, 422, "requests: expected a whole number") for value in NO_NUMBERS),
    *(({"hold_ms": value}, 422, "hold_ms: expected a whole number") for value in NO_NUMBERS),
    *(({"cells": value}, 422, '"cells": expected one or two pairs of an exhibit and a front') for value in NO_CELLS),
    ({"cells": [["nothing", "nginx"]]}, 422, "there is no cell 'nothing' behind 'nginx'"),
    ({"cells": [["fastcgi", "iis"]]}, 422, "there is no cell 'fastcgi' behind 'iis'"),
    ({"cells": [["fastcgi/../cgi", "nginx"]]}, 422, "there is no cell"),
    ({"cells": [["\ud800\n\x1b[31m" * 100, "nginx"]]}, 422, "there is no cell"),
    ({"cells": [["fastcgi", "nginx"], ["nothing", "nginx"]]}, 422, "there is no cell 'nothing' behind 'nginx'"),
    ({"cells": [["mod_wsgi", "nginx"]]}, 409, "mod_wsgi is closed behind nginx: "),
    ({"cells": [["fastcgi", "nginx"], ["scgi", "apache"]]}, 409, "scgi is closed behind apache: "),
]


@pytest.mark.parametrize(("given", "status", "words"), CROWDS, ids=[str(given)[:60] for given, _, _ in CROWDS])
@pytest.mark.usefixtures("nothing_sent")
def test_a_crowd_out_of_bounds_is_refused_in_words(
    centre: CentreZoo, given: dict[str, Any], status: int, words: str
) -> None:
    answer = centre.post(ONE | given)
    assert (answer.status, words in answer.body.decode()) == (status, True), answer
    assert len(answer.body) < 400
    assert answer.body.isascii()
    assert b"\x1b" not in answer.body


def test_a_second_press_while_a_crowd_is_under_way_is_refused(centre: CentreZoo) -> None:
    eventually(lambda: centre.post(ONE).status == 200, 15, "no crowd of another test is under way")
    before = centre.requests()
    answers = []
    slow = ONE | {"requests": 2, "hold_ms": 900}
    first = threading.Thread(target=lambda: answers.append(centre.post(slow)))
    first.start()
    eventually(lambda: centre.requests() > before, 5, "the app answers meanwhile")
    refused = []
    while first.is_alive():
        refused.append(centre.post(ONE))
    first.join()
    assert [answer.status for answer in answers] == [200]
    assert (409, b"a crowd or a benchmark is under way; wait for its end\n") in [
        (each.status, each.body) for each in refused
    ]
    assert centre.post(ONE).status == 200, "and then it goes on"


# --- WebSocket, headers, files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "own", None])
def test_there_is_no_websocket(centre: CentreZoo, origin: str | None) -> None:
    lines = [
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    lines += [f"Origin: {centre.origin if origin == 'own' else origin}"] if origin else []
    for path in ("/", "/api/map", "/api/exhibit/crowd", "/nothing"):
        answer = centre.ask(path, *lines)
        assert answer.status != 101
        assert "sec-websocket-accept" not in answer.headers
        assert origin in ("own", None) or answer.status == 403


def test_every_answer_is_guarded(centre: CentreZoo) -> None:
    answers = [centre.ask(path) for path in (*ALL, "/exhibit/nothing", "/api/exhibit/nothing")]
    answers += [centre.ask("/", host="evil.example"), centre.ask("/", method="PUT"), centre.ask("/", method="HEAD")]
    answers += [centre.post(ONE), centre.post([]), centre.post(ONE, "Content-Type: text/plain")]
    answers += [centre.post(ONE, token="x"), centre.post(ONE, action="map")]  # noqa: S106 - not a secret
    assert {answer.status for answer in answers} == {200, 403, 404, 405, 415, 422}
    for answer in answers:
        for name, value in HEADERS.items():
            assert answer.headers.get(name.lower()) == value, (answer.status, name)
        assert "server" not in answer.headers
        assert "set-cookie" not in answer.headers
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in HEADERS["Content-Security-Policy"]


STRANGE = [
    "/../page.py",
    "/public/../guard.py",
    "/public/%2e%2e/guard.py",
    "/public/..%2fguard.py",
    "/public/..%5cguard.py",
    "/public/....//guard.py",
    "/public//centre.js",
    "/public/",
    "/public",
    "/pages/map/page.py",
    "/pages/map/page.html",
    "/pages/map/../map/page.js",
    "/pages/map/",
    "/pages/",
    "/pages/map/__pycache__/page.cpython-311.pyc",
    "/page.py",
    "/frame.html",
    "/state.json",
    "//etc/passwd",
    "/etc/passwd",
    "/public/centre.js/",
    "/public/centre.js%00",
    "/api/",
    "/api/map/",
    "/api",
    "/docs",
    "/openapi.json",
    "/favicon.ico",
    "/exhibit/",
    "/exhibit/../processes",
    "/exhibit/cgi/cgi",
    "/compare/cgi",
    "/compare/cgi/fastcgi/uwsgi",
    "/PROCESSES",
]


@pytest.mark.parametrize("path", STRANGE)
def test_no_path_leads_to_a_file_that_is_not_listed(centre: CentreZoo, path: str) -> None:
    answer = centre.ask(path)
    assert answer.status == 404
    assert answer.body == b"404 Not Found; / is the first page\n"


@pytest.mark.parametrize("path", ["http://evil.example/", "*", "?", "/\x80", "/%ff", "/%", "/a b"])
def test_a_strange_target_is_answered_and_the_centre_lives(centre: CentreZoo, path: str) -> None:
    assert centre.ask(path).status in (200, 400, 404)
    assert centre.ask("/").status == 200


def test_the_files_are_those_of_the_folders_as_they_are(centre: CentreZoo) -> None:
    """Scripts and styles are the only files."""
    here = ROOT / "gateway_zoo/centre"
    for path in (*here.glob("public/*"), *here.glob("pages/*/*.js")):
        answer = centre.ask(f"/{path.relative_to(here)}")
        assert (answer.status, answer.body) == (200, path.read_bytes())
        assert answer.headers["content-type"].startswith(application.TYPES[path.suffix])


def test_a_page_names_no_other_origin(centre: CentreZoo) -> None:
    """No script, style or picture from elsewhere, and nothing inline. A link may lead to a page of a front."""
    for path in PAGES:
        page = centre.ask(path, "Accept: text/html").body.decode()
        loaded = re.findall(r'<(?!a\s)[^>]*\b(?:src|href|action)="([^"]*)"', page)
        assert len(loaded) >= 3
        assert all(re.match(r"[/#](?!/)", source) for source in loaded), loaded
        fronts = tuple(f"http://127.0.0.1:{port}/" for port in centre.ports.values())
        assert all(
            re.match(r"[/#](?!/)", link) or link.startswith(fronts)
            for link in re.findall(r'<a [^>]*href="([^"]*)"', page)
        )
        assert not re.search(r"<script(?![^>]* src=)|<style|\sstyle=|\son\w+=", page)


def test_each_start_has_a_token_of_its_own(centre: CentreZoo) -> None:
    assert len(centre.token) >= 22
    assert centre.token == centre.token
    assert centre.token not in Path(centre.run / "state.json").read_text(encoding="utf-8")
    assert centre.token not in centre.logs()
