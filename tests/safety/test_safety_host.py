"""`status` answers only to names that this machine or its network alone can have: against DNS rebinding.

A site makes its own name point at 127.0.0.1. Its page then asks us from the visitor's browser, from a near address, and
only Host gives it away. The rule stands once in each chassis; gateway_zoo.serving.same_origin has the
same one for our programs.
"""

import socket
import ssl
import subprocess

import pytest
from raw_http import answer, ask, everywhere
from zoo_in_test import FRONTS, TLS, Zoo

from gateway_zoo.serving import same_origin

OURS = [
    *("localhost", "localhost:8080", "LOCALHOST", "LocalHost:1", "localhost.", "localhost.:8080"),
    *("127.0.0.1", "127.0.0.1:8080", "127.1.2.3", "10.213.77.2:8080", "192.168.1.20", "255.255.255.255"),
    *("[::1]", "[::1]:8080", "[fe80::1]:80", "[::ffff:127.0.0.1]:8080", "[2001:DB8::1]"),
    *("nginx", "apache-prefork:8082", "NGINX", "raspberry", "games.localhost:8084", "a.b.localhost", "zoo.test", "a_b"),
]
OTHERS = [
    *("evil.example", "evil.example:8080", "EVIL.example", "evil.example.", "a.evil.example", "evil.example.:8080"),
    *("127.0.0.1.evil.example", "127.0.0.1.evil.example:8080", "localhost.evil.example", "1.127.0.0.1", "127.0.0.1."),
    *("evil.localhost.example", "evillocalhost.example", "evil.testing", "test.evil", "256.1.1.1", "127.0.1"),
    *("localhost:8080.evil.example", "localhost:evil", "localhost:80:90", "evil.example:localhost", ".", ".localhost"),
    *("localhost@evil.example", "evil.example@localhost", "localhost, evil.example", "evil.example, localhost"),
    *("evil.example/localhost", "localhost/.evil.example", "evil.example#localhost", "evil.example%00localhost"),
    *("[evil.example]", "[::1].evil.example", "[::1]evil.example", "[::1", "evil.example:[::1]", "[v1.localhost]"),
    *("xn--lcalhost-n2a.example", "evil.example\tlocalhost", "localhost\x0bevil.example", "l\xf6calhost.example"),
]  # fmt: skip
#: More ways to write the path than one rule for one spelling would see; test_safety_status has them all.
SPELLINGS = ["/{}/status", "/{}/%73tatus?json", "/{}//status/", "/{}/x/../status", "/./{}/status?full&html"]
REASON = b"status answers only where Host is localhost, an IP address or a name without a dot\n"


def lines(first: str, *hosts: str) -> bytes:
    """A request with these Host headers."""
    headers = [*(f"Host: {host}" for host in hosts), "Connection: close", "", ""]
    return "\r\n".join([first, *headers]).encode("latin-1")


@pytest.mark.parametrize("front", FRONTS)
def test_status_knows_our_names(zoo: Zoo, front: str) -> None:
    wrong = {
        h: a.status for h in OURS if (a := ask(zoo.ports[front], lines("GET /wsgi/status HTTP/1.1", h))).status != 200
    }
    assert not wrong, wrong


@pytest.mark.parametrize("front", FRONTS)
def test_status_refuses_other_names(zoo: Zoo, front: str) -> None:
    for host in OTHERS:
        got = ask(zoo.ports[front], lines("GET /wsgi/status HTTP/1.1", host))
        assert got.status in (400, 403), (host, got.status)
        assert got.status == 400 or got.body == REASON, (host, got.body)
        assert b"pid" not in got.body
    assert ask(zoo.ports[front], lines("GET /wsgi/status HTTP/1.1", "evil.example")).status == 403, "not by accident"


def test_hello_answers_to_every_name(zoo: Zoo) -> None:
    for front in FRONTS:
        assert ask(zoo.ports[front], lines("GET /wsgi/hello HTTP/1.1", "evil.example")).status == 200, front


def test_no_cell_and_no_spelling_is_forgotten(zoo: Zoo) -> None:
    def complaints(exhibit: str, front: str) -> list[str]:
        paths = [spelling.format(exhibit) for spelling in SPELLINGS]
        seen = {p: ask(zoo.ports[front], lines(f"GET {p} HTTP/1.1", "evil.example:8080")) for p in paths}
        return [f"{path}: {got.status}" for path, got in seen.items() if (got.status, got.body) != (403, REASON)]

    everywhere(zoo.open_cells(), complaints)


@pytest.mark.parametrize("front", FRONTS)
def test_the_name_in_the_request_line_counts(zoo: Zoo, front: str) -> None:
    """RFC 9112, 3.2.2: a name there is the one that is asked. Two that differ must both be ours, or the first wins."""
    port = zoo.ports[front]
    for evil in ("http://evil.example/wsgi/status", "http://127.0.0.1.evil.example:80/wsgi/status"):
        assert ask(port, lines(f"GET {evil} HTTP/1.1", "localhost")).status == 403, evil
        assert ask(port, lines(f"GET {evil} HTTP/1.1", "evil.example")).status == 403, evil
    assert ask(port, lines("GET http://localhost/wsgi/status HTTP/1.1", "127.0.0.1:80")).status == 200


@pytest.mark.parametrize("front", FRONTS)
def test_no_name_two_names_and_an_empty_one(zoo: Zoo, front: str) -> None:
    port = zoo.ports[front]
    assert ask(port, lines("GET /wsgi/status HTTP/1.0")).status == 403, (
        "no browser leaves Host out, and nothing is named"
    )
    assert ask(port, lines("GET /wsgi/status HTTP/1.0", "localhost")).status == 200
    assert ask(port, lines("GET /wsgi/status HTTP/1.0", "evil.example")).status == 403
    for hosts in (["localhost", "evil.example"], ["evil.example", "localhost"], [""], []):
        assert ask(port, lines("GET /wsgi/status HTTP/1.1", *hosts)).status in (400, 403), hosts


@pytest.mark.parametrize("front", FRONTS)
def test_https_keeps_the_rule(zoo: Zoo, front: str) -> None:
    trust = ssl.create_default_context(cafile=str(zoo.run / "sock/tls/ca.pem"))
    seen = {}
    for host in ("localhost", "127.0.0.1", "evil.example"):
        raw = socket.create_connection(("127.0.0.1", zoo.ports[front] + TLS), timeout=20)
        with raw, trust.wrap_socket(raw, server_hostname="127.0.0.1") as connection:
            connection.sendall(lines("GET /wsgi/status HTTP/1.1", host))
            seen[host] = answer(b"".join(iter(lambda c=connection: c.recv(65536), b""))).status  # type: ignore[misc]
    assert seen == {"localhost": 200, "127.0.0.1": 200, "evil.example": 403}


def test_http2_keeps_the_rule(zoo: Zoo) -> None:
    """There the name is in :authority."""
    seen = {}
    for name in ("localhost", "evil.example", "127.0.0.1.evil.example"):
        port = zoo.ports["nginx"] + TLS
        argv = ["curl", "-sk", "--http2", "--resolve", f"{name}:{port}:127.0.0.1", "-w", "%{http_code} %{http_version}"]
        argv += ["-o", "/dev/null", f"https://{name}:{port}/wsgi/status"]
        seen[name] = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout
    assert seen == {"localhost": "200 2", "evil.example": "403 2", "127.0.0.1.evil.example": "403 2"}


def test_our_programs_agree_with_the_fronts() -> None:
    """The same names in gateway_zoo.serving.same_origin, which the board, the news and the wire page ask."""
    assert [host for host in OURS if not same_origin.is_local_name(host)] == []
    assert [host for host in OTHERS if same_origin.is_local_name(host)] == []


def refusal(scheme: str, *headers: tuple[str, str]) -> str:
    """What same_origin says to a request with these headers; empty if it is allowed."""
    scope = {"scheme": scheme, "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers]}
    return same_origin.refusal(scope) or ""


HERE, PAGE = ("host", "localhost:8080"), ("origin", "http://localhost:8080")


@pytest.mark.parametrize(
    ("scheme", "headers"),
    [
        ("http", [HERE]),
        ("http", [HERE, PAGE]),
        ("ws", [HERE, PAGE]),
        ("wss", [HERE, ("origin", "https://localhost:8080")]),
        ("http", [("host", "LOCALHOST:8080"), ("origin", "http://LocalHost:8080")]),  # the news compared the case
        ("http", [("Host", "localhost:8080"), ("Origin", "http://localhost:8080")]),
        ("http", [HERE, PAGE, ("sec-fetch-site", "same-origin")]),
        ("http", [HERE, ("sec-fetch-site", "none")]),
        ("http", [("host", "[::1]"), ("origin", "http://[::1]")]),
    ],
    ids=str,
)
def test_pages_of_ours_and_programs_are_allowed(scheme: str, headers: list[tuple[str, str]]) -> None:
    assert refusal(scheme, *headers) == ""


@pytest.mark.parametrize(
    ("scheme", "headers", "why"),
    [
        ("http", [HERE, ("origin", "http://localhost:8081")], "Origin is 'http://localhost:8081'; expected"),
        ("http", [HERE, ("origin", "https://localhost:8080")], "expected http://localhost:8080"),
        ("wss", [HERE, PAGE], "expected https://localhost:8080"),
        ("ws", [HERE, ("origin", "ws://localhost:8080")], "expected http://localhost:8080"),
        ("http", [HERE, ("origin", "null")], "Origin is 'null'"),
        ("http", [HERE, ("origin", "")], "Origin is ''"),
        ("http", [HERE, ("origin", "http://localhost")], "Origin is 'http://localhost'"),
        ("http", [HERE, ("origin", "http://localhost:8080.evil.example")], "Origin is"),
        ("http", [("host", "evil.example"), ("origin", "http://evil.example")], "Host is 'evil.example'"),
        ("http", [("host", "evil.example")], "Host is 'evil.example'"),
        ("http", [("host", "")], "Host is ''"),
        # the board and the news took the first of two, and a missing Host for an empty one
        ("http", [], "0 Host, 0 Origin"),
        ("http", [HERE, ("host", "evil.example")], "2 Host"),
        ("http", [HERE, PAGE, ("origin", "http://evil.example")], "2 Origin"),
        ("http", [HERE, ("sec-fetch-site", "none"), ("sec-fetch-site", "cross-site")], "2 Sec-Fetch-Site"),
        # the news, the board's reading and its handshake looked at Origin only
        ("http", [HERE, ("sec-fetch-site", "cross-site")], "Sec-Fetch-Site is 'cross-site'"),
        ("ws", [HERE, ("sec-fetch-site", "same-site")], "Sec-Fetch-Site is 'same-site'"),
        ("http", [HERE, PAGE, ("sec-fetch-site", "")], "Sec-Fetch-Site is ''"),
        # what a stranger writes comes back short, and without control characters
        ("http", [HERE, ("origin", "\x1b[2J\xff" + "x" * 999)], "Origin is '\\x1b[2j\\xff" + "x" * 75 + "'; expected"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_other_origins_are_refused_with_the_reason(scheme: str, headers: list[tuple[str, str]], why: str) -> None:
    assert why in refusal(scheme, *headers)


def test_a_program_may_have_names_of_its_own() -> None:
    scope = {"scheme": "http", "headers": [(b"host", b"localhost:8000")]}
    assert same_origin.refusal(scope, {"localhost:8000"}.__contains__) is None
    assert same_origin.refusal(scope, {"localhost:9"}.__contains__) == (
        "Host is 'localhost:8000', which is no name of this program"
    )


@pytest.mark.parametrize("front", FRONTS)
def test_no_program_lets_a_page_of_another_site_in(zoo: Zoo, front: str) -> None:
    """Sec-Fetch-Site is looked at in each program, also where a page sends no Origin."""
    shake = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    shake["Sec-WebSocket-Key"] = "Z2F0ZXdheSB6b28gd2lyZQ=="
    wanted = {("asgi-board", "board"): {}, ("asgi-board", "live"): shake, ("asgi", "news/socket"): shake}
    for (exhibit, path), more in wanted.items():
        answer = zoo.get(exhibit, front, path, headers=more | {"Sec-Fetch-Site": "cross-site"})
        assert (answer.status_code, "Sec-Fetch-Site is 'cross-site'" in answer.text) == (403, True), (path, answer.text)
