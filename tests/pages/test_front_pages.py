"""What the fronts answer themselves: an exhibit's first page, the list with the address that was asked, the icon."""

import socket

import psutil
import pytest
import requests
from raw_http import ask, everywhere
from zoo_in_test import FRONTS, REGISTRY, TLS, Zoo

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


# --- for a class ------------------------------------------------------------------------------------------------------


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
