"""The server of the page that shows the wire: who may ask, what is answered, and a file that grows meanwhile."""

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from recordings import HEAD, WIRES, Film, variables
from wire_page import Page
from zoo_in_test import REGISTRY, eventually

from gateway_zoo.keeper.ports import free
from gateway_zoo.wire.codecs import Direction
from gateway_zoo.wire.exchange import Exchange, fields_of, summary, whole
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.fields import cut
from gateway_zoo.wire.page.follow import Follow
from gateway_zoo.wire.page.shown import BATCH, Mark, Shown
from gateway_zoo.wire.recording import AnyEntry, line, read
from gateway_zoo.wire.view.variables import Variable, aligned, variables_of


@pytest.fixture
def film(tmp_path: Path) -> Film:
    return Film(tmp_path / "film.jsonl")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Two exchanges: FastCGI and SCGI, the same request."""
    film = Film(tmp_path_factory.mktemp("served") / "film.jsonl")
    film.scene("/fastcgi/hello", protocol="FastCGI", more=[(b"HTTP_X_ONLY_HERE", b"1")])
    film.scene("/scgi/hello", protocol="SCGI", front="apache")
    with Page(film.path) as page:
        eventually(lambda: len(requests.get(f"{page.url}exchanges", timeout=5).json()) == 2, 5, "two exchanges")
        yield page


def get(page: Page, path: str = "", method: str = "GET", **headers: str) -> requests.Response:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.request(method, page.url + path, headers=given, timeout=5)


class Ear:
    """An EventSource: `next()` is the next event that says something."""

    def __init__(self, page: Page, mark: str = "") -> None:
        headers = {"Last-Event-ID": mark} if mark else {}
        self.answer = requests.get(f"{page.url}live", headers=headers, stream=True, timeout=8)
        self.lines = self.answer.iter_lines(chunk_size=1)
        self.mark = ""
        self.beats = 0

    def next(self) -> dict[str, Any]:
        for text in self.lines:
            if text.startswith(b"id: "):
                self.mark = text[4:].decode()
            elif text == b"event: beat":
                self.beats += 1
            elif text.startswith(b"data: "):
                said: dict[str, Any] = json.loads(text[6:])
                return said
        raise AssertionError("the stream has ended")

    def numbers(self) -> list[int]:
        return [one["number"] for one in self.next()["exchanges"]]

    def __enter__(self) -> "Ear":
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()


# --- Who may ask ------------------------------------------------------------------------------------------------------

PATHS = ["", "wire.js", "zoo.css", "exchanges", "exchanges/1", "exchanges/1/2", "live", "nothing"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host", ["evil.example", "localhost", "localhost:1", "127.0.0.2:{port}", "zoo.test:{port}", ""]
)
def test_another_name_is_refused(served: Page, path: str, host: str) -> None:
    answer = get(served, path, Host=host.format(port=served.port))
    assert answer.status_code == 403
    assert f"http://127.0.0.1:{served.port}/" in answer.text


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST", "127.0.0.1", "[::1]"])
def test_the_names_of_this_machine_are_good(served: Page, name: str) -> None:
    assert get(served, "exchanges", Host=f"{name}:{served.port}").status_code == 200


def test_two_hosts_are_refused(served: Page) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=5) as peer:
        peer.sendall(b"GET /exchanges HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nHost: evil.example\r\n\r\n" % served.port)
        assert peer.recv(100).split(b" ")[1] in (b"400", b"403")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
    ids=str,
)
def test_a_page_of_another_origin_reads_nothing(served: Page, path: str, headers: dict[str, str]) -> None:
    answer = get(served, path, **headers)
    assert answer.status_code == 403
    assert answer.text.startswith("a page of another origin may not read recordings; the page is at http://127.0.0.1:")
    wrong = next(iter(headers)).replace("_", "-")
    assert f": {wrong} is '{headers[next(iter(headers))]}'; expected " in answer.text
    assert "access-control-allow-origin" not in answer.headers


def test_our_own_page_reads(served: Page) -> None:
    own = {"Origin": served.url.rstrip("/"), "Sec_Fetch_Site": "same-origin"}
    assert get(served, "exchanges", **own).status_code == 200
    assert get(served, "", Sec_Fetch_Site="none").status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
@pytest.mark.parametrize("path", ["", "exchanges", "live", "nothing"])
def test_nothing_can_be_changed(served: Page, method: str, path: str) -> None:
    answer = get(served, path, method)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", [*PATHS[:-2], "nothing", "../page.py", "%2e%2e/page.py", "exchanges/x", "exchanges/9"])
def test_every_answer_is_guarded(served: Page, path: str) -> None:
    answer = get(served, path)
    assert answer.status_code == (200 if path in PATHS[:-2] else 404)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "require-trusted-types-for 'script'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert not {"access-control-allow-origin", "server"} & {name.lower() for name in answer.headers}
    assert get(served, path, "HEAD").headers["Content-Type"] == answer.headers["Content-Type"]


def test_head_of_live_ends(served: Page) -> None:
    answer = get(served, "live", "HEAD")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"].startswith("text/event-stream")


def test_only_loopback_listens(served: Page) -> None:
    import psutil

    there = [c.laddr for c in psutil.Process(served.process.pid).net_connections() if c.status == "LISTEN"]
    assert [tuple(address) for address in there] == [("127.0.0.1", served.port)]


# --- What is answered -------------------------------------------------------------------------------------------------


def test_the_list_and_one_of_it(served: Page) -> None:
    one, two = get(served, "exchanges").json()
    assert (one["number"], one["exhibit"], one["front"], one["protocol"]) == (1, "fastcgi", "nginx", "FastCGI")
    assert (one["method"], one["target"], one["status"], one["errors"]) == ("GET", "/fastcgi/hello", 200, [])
    assert (two["protocol"], two["front"], two["status"]) == ("SCGI", "apache", 200)
    shown = get(served, "exchanges/2").json()
    assert bytes.fromhex(shown["request"]["bytes"]) == WIRES["SCGI"].request(variables("/scgi/hello"))
    assert shown["request"]["more_fields"] == 0
    named = {field["name"]: field for field in shown["request"]["fields"]}
    assert named["REQUEST_URI"]["value"] == "/scgi/hello"
    assert named["REQUEST_METHOD"]["section"] == "RFC 3875 4.1.12"
    assert {name: shown[name] for name in two if name not in ("request", "response")} == {
        name: two[name] for name in two if name not in ("request", "response")
    }


def test_two_side_by_side(served: Page) -> None:
    beside = get(served, "exchanges/1/2").json()
    rows = {row["variable"]: row for row in beside["request"]["rows"]}
    assert rows["HTTP_X_ONLY_HERE"]["is"] == "only A"
    assert rows["HTTP_X_ONLY_HERE"]["b"] is None
    assert rows["SCGI"]["is"] == "only B"
    assert rows["REQUEST_URI"]["is"] == "differs"
    assert rows["SERVER_NAME"]["is"] == "same"
    for number, side in ((1, "a"), (2, "b")):
        data = bytes.fromhex(get(served, f"exchanges/{number}").json()["request"]["bytes"])
        assert beside["request"][side] == len(data)
        there = rows["SERVER_NAME"][side]
        assert b"SERVER_NAME" in cut(data, there["spans"])
        assert len(cut(data, there["spans"])) == there["bytes"] == sum(length for _, length in there["spans"])
    assert rows["SERVER_NAME"]["a"]["bytes"] == 22  # one byte for each length
    assert rows["SERVER_NAME"]["b"]["bytes"] == 22  # one NUL behind each
    assert get(served, "exchanges/1/77").status_code == 404


def _exchange(film: Film, protocol: str, path: str = "/x/hello", **more: Any) -> Exchange:
    found = Exchanges(WIRES)
    film.scene(path, protocol=protocol, **more)
    for entry in read(film.path.read_bytes().splitlines(keepends=True), "film"):
        found.feed(entry)
    return found.all[max(found.all)]


def named(exchange: Exchange) -> dict[Direction, list[Variable]]:
    return variables_of(exchange.protocol, fields_of(exchange, WIRES), WIRES)


@pytest.mark.parametrize("protocol", ["FastCGI", "SCGI", "uwsgi", "CGI", "HTTP"])
def test_every_variable_is_found_again_in_the_bytes(film: Film, protocol: str) -> None:
    exchange = _exchange(film, protocol)
    for side, found in named(exchange).items():
        data = bytes(getattr(exchange, side))
        assert found
        for one in found:
            assert one.value.encode() in cut(data, one.spans), one
            assert one.spans, one


def test_a_header_meets_its_variable(film: Film) -> None:
    a, b = _exchange(film, "HTTP"), _exchange(film, "uwsgi")
    rows = {row.variable: row.is_ for row in aligned(named(a)["request"], named(b)["request"])}
    for name in ("HTTP_HOST", "HTTP_USER_AGENT", "REQUEST_METHOD", "REQUEST_URI", "SERVER_PROTOCOL"):
        assert rows[name] == "same", name
    assert rows["SERVER_PORT"] == "only B"


def test_what_has_a_place_and_no_name_meets_its_variable(film: Film) -> None:
    """AJP: codes, strings between them, attributes. All that it can say of these is found, and where it stands."""
    more = [(b"QUERY_STRING", b"a=b"), (b"REMOTE_PORT", b"5"), (b"SERVER_ADDR", b"::1"), (b"X_OWN", b"1")]
    a, b = (named(_exchange(film, protocol, more=more))["request"] for protocol in ("SCGI", "AJP"))
    rows = {row.variable: row for row in aligned(a, b)}
    without = {"SCRIPT_NAME", "PATH_INFO", "CONTENT_TYPE", "REQUEST_SCHEME", "SCGI", "CONTENT_LENGTH"}
    assert {name for name, row in rows.items() if row.is_ == "only A"} == without
    assert {row.is_ for name, row in rows.items() if name not in without} == {"same"}
    sizes = {one.variable: (one.name, one.name_bytes, one.value_bytes, one.bytes) for one in b}
    assert sizes["REQUEST_METHOD"] == ("method", 0, 1, 1)
    assert sizes["SERVER_PORT"] == ("server_port", 0, 2, 2)
    assert sizes["REMOTE_ADDR"] == ("remote_addr", 0, 9, 2 + 9 + 1)
    assert sizes["QUERY_STRING"] == ("query_string", 1, 3, 1 + 2 + 3 + 1)
    assert sizes["REMOTE_PORT"] == ("AJP_REMOTE_PORT", 15, 1, 1 + 2 + 15 + 1 + 2 + 1 + 1)


def test_a_method_without_a_code_is_said_once(film: Film) -> None:
    found = named(_exchange(film, "AJP", method="BREW"))["request"]
    assert [(one.name, one.value) for one in found if one.variable == "REQUEST_METHOD"] == [("stored_method", "BREW")]


@pytest.mark.parametrize("protocol", ["FastCGI", "SCGI", "uwsgi", "HTTP", "AJP"])
def test_a_request_that_is_cut_off_carries_what_is_there(film: Film, protocol: str) -> None:
    exchange = _exchange(film, protocol)
    every = [(one.variable, one.value) for one in named(exchange)["request"]]
    del exchange.request[95:]
    there = [(one.variable, one.value) for one in named(exchange)["request"]]
    assert len(every) > len(there) > 2
    assert there == every[: len(there)]


def test_the_same_name_twice_meets_its_like_in_turn(film: Film) -> None:
    twice = [(b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2")]
    a, b = _exchange(film, "HTTP", headers=twice), _exchange(film, "HTTP", headers=twice[:1])
    rows = aligned(named(a)["response"], named(b)["response"])
    assert [row.is_ for row in rows if row.variable == "Set-Cookie"] == ["same", "only A"]


# --- A file that grows ------------------------------------------------------------------------------------------------


def test_it_is_told_as_it_happens(film: Film) -> None:
    with Page(film.path) as page, Ear(page) as ear:
        first = ear.next()
        assert first["anew"]
        assert first["exchanges"] == []
        film.scene()
        told = ear.next()["exchanges"]
        assert ear.beats == 0, "not only when it would have said something anyway"
        assert [(one["number"], one["target"]) for one in told] == [(1, "/uwsgi/hello")]


def test_who_comes_back_is_told_what_was_missed(film: Film) -> None:
    film.scene()
    film.scene()
    with Page(film.path) as page:
        with Ear(page) as ear:
            seen = ear.numbers()
            while seen != [1, 2]:
                seen = sorted({*seen, *ear.numbers()})
            mark = ear.mark
        film.scene()
        with Ear(page, mark) as ear:
            missed = ear.next()
            assert not missed["anew"]
            missed = missed if missed["exchanges"] else ear.next()
            assert [one["number"] for one in missed["exchanges"]] == [3]
        for strange in ("", "nonsense", "0000.3", f"{mark.partition('.')[0]}.999999", "x." + "9" * 5000):
            with Ear(page, strange) as ear:
                assert ear.next()["anew"]


def test_silence_is_broken_by_beats(film: Film) -> None:
    """Before the listener's patience of 8 s ends."""
    with Page(film.path) as page, Ear(page) as ear:
        assert any(text == b"event: beat" for text in ear.lines)


def test_it_ends_at_once_even_if_somebody_listens(film: Film) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        page = Page(film.path)
        with Ear(page) as ear:
            ear.next()
            began = time.monotonic()
            page.process.send_signal(number)
            said = page.process.communicate(timeout=10)[1]
            assert (page.process.returncode, said) == (0, "")
            assert time.monotonic() - began < 2


def test_a_port_in_use_is_named(film: Film) -> None:
    with Page(film.path) as page:
        second = Page(film.path, page.port)
        said = second.process.communicate(timeout=10)[1]
    assert second.process.returncode == 3
    assert f"port {page.port} on 127.0.0.1 is held by " in said
    assert f"(pid {page.process.pid})" in said
    assert "--port" in said


def test_left_out_it_is_the_usual_port_or_any(film: Film) -> None:
    """`zoo record --page` names none, and somebody may have 8000 already."""
    with Page(film.path, None) as first, Page(film.path, None) as second:
        assert first.port != second.port
        assert 8000 in (first.port, second.port) or not free(8000)
        assert [get(page, "exchanges").status_code for page in (first, second)] == [200, 200]


def test_a_bad_recording_is_told_and_the_page_stays(film: Film) -> None:
    film.scene()
    film.write(b'{"is":"nonsense"}\n')
    film.scene()
    with Page(film.path) as page, Ear(page) as ear:
        said = ear.next()
        while not said["state"]["problem"]:
            said = ear.next()
        assert "film.jsonl: line 7: " in said["state"]["problem"]
        assert "expected a line of a recording" in said["state"]["problem"]
        assert [one["number"] for one in get(page, "exchanges").json()] == [1], "what came before is good"
        Film(film.path).scene("/uwsgi/mended")
        eventually(lambda: not ear.next()["state"]["problem"], 5, "the next recording is read")
        eventually(
            lambda: "/uwsgi/mended" in [each["target"] for each in get(page, "exchanges").json()], 5, "its exchange"
        )


# --- The file itself, without a process -------------------------------------------------------------------------------


@contextlib.contextmanager
def following(path: Path) -> Iterator[Follow]:
    follow = Follow(path)
    try:
        yield follow
    finally:
        follow.close()


def entries(follow: Follow) -> list[AnyEntry]:
    found = []
    while True:
        look = follow.look()
        found += look.entries
        if not look.more:
            return found


def test_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    with following(tmp_path / "later.jsonl") as follow:
        assert follow.look() == (False, [], False)
        assert follow.problem == ""
        (tmp_path / "later.jsonl").write_bytes(b"")
        assert follow.look() == (True, [], False)
        (tmp_path / "later.jsonl").write_bytes(line(HEAD))
        assert follow.look().entries == [HEAD]


def test_a_line_in_pieces(film: Film, tmp_path: Path) -> None:
    film.scene()
    data, growing = film.path.read_bytes(), tmp_path / "growing.jsonl"
    wanted = list(read(data.splitlines(keepends=True), "film"))
    growing.write_bytes(b"")
    with following(growing) as follow, growing.open("ab", buffering=0) as file:
        found: list[AnyEntry] = []
        for at in range(0, len(data), 7):
            file.write(data[at : at + 7])
            found += entries(follow)
            assert found == wanted[: len(found)]
        assert (found, follow.problem) == (wanted, "")


@pytest.mark.parametrize("how", ["another file", "shorter", "longer, in the same file", "deleted first"])
def test_the_next_recording(film: Film, how: str) -> None:
    film.scene("/uwsgi/old")
    with following(film.path) as follow:
        assert len(entries(follow)) == 6
        other = Film(film.path.with_suffix(".next"), head=False)
        other.write(line(HEAD).replace(b"1800000000", b"1800000001"))
        for _ in range(3 if how == "longer, in the same file" else 0):
            other.scene("/uwsgi/new")
        if how in ("another file", "deleted first"):
            if how == "deleted first":
                film.path.unlink()
                assert follow.look() == (False, [], False)
            other.path.rename(film.path)
        else:
            film.path.write_bytes(other.path.read_bytes())
        look = follow.look()
        assert look.anew
        assert len(look.entries) == (16 if how == "longer, in the same file" else 1)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"hello\n", ": text, and no recording"),
        (b"\n", ": text, and no recording"),
        (b"\0\xff\xfe", ": binary, and no recording"),
        (b'{"is":1\n', "line 1: "),
        (line(HEAD) + line(HEAD), "line 2: expected the head of a recording in the first line only"),
        (line(HEAD).replace(b'"version":1', b'"version":9'), "version 9; this zoo reads version 1"),
        (line(HEAD) + b'{"is":"close","connection":1,"at":1,"x":1}\n', "line 2: Object contains unknown field `x`"),
        (b'{"is":' + b"x" * (1 << 24), "line 1: no end within 16777216 bytes"),
    ],
    ids=["no JSON", "empty", "binary", "JSON", "two heads", "version", "field", "no end"],
)
def test_what_is_no_recording(tmp_path: Path, data: bytes, problem: str) -> None:
    (tmp_path / "bad.jsonl").write_bytes(data)
    with following(tmp_path / "bad.jsonl") as follow:
        entries(follow)
        assert problem in follow.problem
        assert str(tmp_path / "bad.jsonl") in follow.problem
        assert follow.look() == (False, [], False), "it is not read any further"
        assert problem in follow.problem


def test_what_cannot_be_read(tmp_path: Path) -> None:
    with following(tmp_path) as follow:
        follow.look()
        assert follow.problem == f"{tmp_path}: no regular file; expected a recording"
    os.mkfifo(tmp_path / "pipe")
    with following(tmp_path / "pipe") as follow:
        follow.look()
        assert "no regular file" in follow.problem


def test_what_is_kept_is_bounded(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    """By number and by bytes; a client is told what is left."""
    monkeypatch.setattr("gateway_zoo.wire.page.shown.MOST", 700)
    monkeypatch.setattr("gateway_zoo.wire.page.shown.MOST_BYTES", 2_000_000)
    shown = Shown(film.path, WIRES)
    for _ in range(800):
        film.scene()
    while shown.look():
        pass
    assert list(shown.exchanges.all) == list(range(101, 801))
    news, mark = shown.news(Mark("", 0))
    assert (news["anew"], news["state"]["first"], len(news["exchanges"])) == (True, 101, BATCH)
    news, mark = shown.news(mark)
    assert (news["anew"], len(news["exchanges"])) == (False, 200)
    assert shown.news(mark)[0]["exchanges"] == []
    for _ in range(3):
        film.scene(body=b"x" * 900_000)
    while shown.look():
        pass
    assert list(shown.exchanges.all) == [802, 803]
    shown.follow.close()


@pytest.mark.parametrize("protocol", ["FastCGI", "SCGI", "uwsgi", "CGI", "HTTP"])
def test_hostile_bytes_stay_what_they_are(film: Film, protocol: str) -> None:
    """Nothing is read as anything else on the way: JSON carries it, the page shows it as text."""
    evil = "/x/<script>alert(1)</script>\u202e&\u0007\u001b[31m".encode().decode("latin-1").encode()
    value = b"\x1b[2J<img src=x onerror=alert(1)>" + b"v" * 100_000
    film.scene("/x/<b>", protocol=protocol, more=[(b"HTTP_X_EVIL", value[:9000])], answer=evil)
    found = Exchanges(WIRES)
    for entry in read(film.path.read_bytes().splitlines(keepends=True), "film"):
        found.feed(entry)
    shown = json.loads(json.dumps([whole(one, fields_of(one, WIRES)) for one in found.all.values()]))
    assert bytes.fromhex(shown[0]["response"]["bytes"]).count(evil) == 1
    assert all(field["value"].isprintable() for field in shown[0]["request"]["fields"] if "value" in field)
    assert summary(found.all[1])["target"] == "/x/<b>"


def test_every_protocol_here_has_a_cage() -> None:
    assert {"FastCGI", "SCGI", "uwsgi", "CGI", "HTTP"} <= {cage.file.protocol for cage in REGISTRY.cages}
