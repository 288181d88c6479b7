"""A way from its four parts, without a server: what is known of each station, and why the rest is not."""

import time
from pathlib import Path
from typing import Any

import pytest
from zoo_in_test import REGISTRY, ROOT

from gateway_zoo.errors import Stop
from gateway_zoo.follow import beside, reports, way
from gateway_zoo.follow.lines import Line, Origin, Request
from gateway_zoo.follow.question import MOST_OF_BODY, BadQuestion, Question, header, question
from gateway_zoo.follow.reports import Report
from gateway_zoo.follow.stations import Source, Unknown, Way
from gateway_zoo.follow.times import Clock
from gateway_zoo.registry.plans import Cell
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.exchange import Exchange
from gateway_zoo.wire.exchanges import Exchanges
from gateway_zoo.wire.recording import Bytes, Closed, Ended, Opened

CODECS = Codecs(REGISTRY)
ID = "follow1-abc"
LINE = Line("nginx/server.conf", 11, "add_header X-Request-ID $zoo_id always;", "joins our log lines")
TO_GATEWAY = {
    b"REQUEST_METHOD": b"GET",
    b"REQUEST_URI": b"/scgi/hello",
    b"HTTP_COOKIE": b"a=secret",
    b"CONTENT_LENGTH": b"",
}
CLIENT_ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/plain\r\nX-Request-ID: follow1-abc\r\nX-Two: a\r\n"
    b"X-Two: b\r\nConnection: close\r\nContent-Length: 3\r\n\r\nhi\n"
)
GATEWAY_ANSWER = (
    b"Status: 200 OK\r\nContent-Type: text/plain\r\nX-Two: a\r\nX-Powered-By: PHP\r\nContent-Length: 3\r\n\r\nhi\n"
)


class FakeReader:
    """A Reader of one line."""

    def applied(self, exhibit: str, request: Request) -> list[Line]:
        assert (exhibit, request.method, request.path) == ("scgi", "GET", "/scgi/hello")
        assert ("Cookie", "a=secret") in request.headers
        return [LINE]

    def origins(self, exhibit: str, protocol: str, request: Request, names: Any) -> list[Origin]:
        return [Origin(name, "client", header=name) for name in names]

    def silent(self, exhibit: str, protocol: str, request: Request, names: Any) -> list[Line]:
        return [LINE]

    def answer_lines(self, exhibit: str, request: Request) -> dict[str, Line]:
        return {"x-request-id": LINE}


def exchange(protocol: str, request: bytes, response: bytes, began: float, seconds: float) -> Exchange:
    seen = Exchanges(CODECS)
    seen.feed(Opened(connection=1, at=began, exhibit="scgi", front="nginx", protocol=protocol, address="scgi.sock"))
    seen.feed(Bytes(connection=1, at=began, direction="request", data=request))
    if response:
        seen.feed(Bytes(connection=1, at=began + seconds, direction="response", data=response))
        seen.feed(Ended(connection=1, at=began + seconds, direction="response"))
    seen.feed(Closed(connection=1, at=began + seconds))
    return seen.all[1]


def made(reader: Any = None, **changes: Any) -> Way:
    """A way whose parts can be changed. In ms: 0 sent, 1 to the gateway, 3 to 7 the program, 8 back, 10 answered."""
    clock, asked = Clock(), Question(headers=(("Cookie", "a=secret"),))
    now, headers = time.time(), asked.sent_headers("127.0.0.1:8090", (("X-Zoo-Follow", "1"),))
    began = time.monotonic() + 0.003
    report = Report(
        ID,
        "scgi",
        "WSGI environ",
        7,
        8,
        began,
        began + 0.004,
        200,
        {"wsgi.run_once": "False"},
        reports.Source("app/zoo_app.py", 1, 2),
    )
    parts: dict[str, Any] = {
        "client": exchange("HTTP", asked.encoded("scgi", headers), CLIENT_ANSWER, now, 0.010),
        "wire": exchange("SCGI", CODECS["SCGI"].request(list(TO_GATEWAY.items())), GATEWAY_ANSWER, now + 0.001, 0.007),
        "report": report,
    } | changes

    def read(_: str) -> Any:
        if reader:
            raise reader
        return FakeReader()

    zoo = way.Zoo(ROOT, REGISTRY, CODECS, read, lambda _: [])
    return way.way(zoo, way.Asked(Cell("scgi", "nginx", ""), asked, headers, clock, **parts))


# --- everything is known ----------------------------------------------------------------------------------------------


def test_the_stations_have_what_their_parts_say() -> None:
    one = made()
    assert (one.exhibit, one.front, one.path, one.status, one.request_id) == ("scgi", "nginx", "/scgi/hello", 200, ID)
    assert one.browser.first == "GET /scgi/hello"
    assert one.decision.lines == [LINE]
    assert one.wire.talk
    assert one.wire.talk.protocol == "SCGI"
    assert {each.name: each.value for each in one.wire.variables}["REQUEST_URI"] == "/scgi/hello"
    assert all(each.origin and each.origin.header == each.name for each in one.wire.variables)
    assert one.program.report
    assert one.program.source == Source("app/zoo_app.py", 1, (ROOT / "app/zoo_app.py").read_text().splitlines()[:2])


def test_no_secret_is_in_it() -> None:
    assert b"secret" not in bytes.fromhex(made().browser.request.bytes)
    assert b"secret" not in bytes.fromhex(getattr(made().wire.talk, "request").bytes)  # noqa: B009 - it is not None
    assert {each.name: each.value for each in made().wire.variables}["HTTP_COOKIE"] == "********"


def test_each_leg_lies_between_two_moments() -> None:
    legs = [(leg.start, leg.end, round(leg.ms)) for leg in made().legs]
    assert legs == [(0, 2, 1), (2, 3, 2), (3, 3, 4), (3, 4, 1), (4, 4, 2)]
    assert sum(leg.ms for leg in made().legs) == pytest.approx(10, abs=0.1)


def test_the_way_back_says_what_the_front_did_and_which_line() -> None:
    changes = {change.header: change for change in made().back.changes}
    assert {name: change.is_ for name, change in changes.items()} == {
        "Server": "added",
        "Content-Type": "same",
        "X-Request-ID": "added",
        "X-Two": "changed",
        "Connection": "added",
        "Content-Length": "same",
        "Status": "removed",
        "X-Powered-By": "removed",
    }
    assert changes["X-Request-ID"].line == LINE
    assert changes["Status"].why == "it becomes the status line of HTTP"
    assert (changes["X-Two"].gateway, changes["X-Two"].client) == ("a", "a, b")
    assert made().back.body == "the body is the same, 3 bytes"


def test_another_body_is_told() -> None:
    other = exchange(
        "SCGI", CODECS["SCGI"].request(list(TO_GATEWAY.items())), GATEWAY_ANSWER.replace(b"hi", b"ho"), time.time(), 0
    )
    assert made(wire=other).back.body == "another body (3 bytes) from byte 1: 'i\\x0a', not 'o\\x0a'"


# --- something is missing ---------------------------------------------------------------------------------------------


def test_what_is_missing_says_why_and_the_legs_join() -> None:
    one = made(Stop("no such file", 3), wire=Unknown("there is no socket"), report=Unknown("no report came"))
    assert (one.decision.why, one.wire.why, one.program.why, one.back.why) == (
        "no such file",
        "there is no socket",
        "no report came",
        "there is no socket",
    )
    assert [(leg.start, leg.end, leg.means) for leg in one.legs] == [
        (0, 4, "in the front, the gateway and the program, not known apart")
    ]
    assert {moment.name: moment.why for moment in one.moments if moment.ms is None} == {
        "to_gateway": "there is no socket",
        "began": "no report came",
        "ended": "no report came",
        "from_gateway": "there is no socket",
    }
    known = made(wire=Unknown("there is no socket"))
    assert [change.header for change in known.back.changes] == ["X-Request-ID"], "a line made it, whatever came"


def test_a_gateway_that_dies_in_the_middle_leaves_what_is_so() -> None:
    died = exchange("SCGI", CODECS["SCGI"].request(list(TO_GATEWAY.items())), b"", time.time(), 0.002)
    one = made(wire=died, report=Unknown("the front answered 502"))
    assert one.wire.talk
    assert one.wire.talk.errors == ["no answer came"]
    assert one.back.why == "the gateway gave no answer: the front made one"


def test_no_time_is_trusted_if_the_clock_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Clock, "was_set", lambda _: True)
    assert [moment.why for moment in made().moments if moment.ms is None] == [
        "the clock of this machine was set meanwhile"
    ] * 5
    assert made().legs == []


@pytest.mark.parametrize(
    ("place", "why"),
    [
        (None, "the program does not say which lines answered"),
        (("app/../README.md", 1, 2), "the program names a file that is no program of the zoo"),
        (("../outside.py", 1, 2), "the program names a file that is no program of the zoo"),
        (("app/link.py", 1, 2), "the program names a file that is no program of the zoo"),
        (("app/missing.py", 1, 2), "app/missing.py cannot be read: No such file or directory"),
        (("app/short.py", 5, 6), "app/short.py has no such lines"),
    ],
)
def test_only_programs_below_the_checkout_are_read(tmp_path: Path, place: Any, why: str) -> None:
    root = tmp_path / "root"
    (root / "app").mkdir(parents=True)
    (root / "app/short.py").write_text("one\n", encoding="utf-8")
    (tmp_path / "outside.py").write_text("secret\n", encoding="utf-8")
    (root / "app/link.py").symlink_to(tmp_path / "outside.py")
    assert way.source(root, place and reports.Source(*place)) == Unknown(why)


# --- two ways, and bounds ---------------------------------------------------------------------------------------------


def test_two_ways_are_laid_side_by_side() -> None:
    stations = {each.name: each.rows for each in beside.beside(made(), made(wire=Unknown("there is no socket")))}
    assert list(stations) == [*beside.STATIONS, beside.TIMES]
    assert {row.is_ for row in stations["browser → front"]} == {"same"}
    wire = {row.name: row.is_ for row in stations["front → gateway"]}
    assert wire["REQUEST_URI"] == "only A"
    assert wire["bytes"] == "only B"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("hello", "GET", (), b""), "the endpoint 'hello'"),
        (("/a b", "GET", (), b""), "the endpoint '/a b'"),
        (("/a\r\nX: y", "GET", (), b""), "the endpoint "),
        (("/a", "TRACE", (), b""), "the method 'TRACE'; expected GET, "),
        (("/a", "GET", (("X", "y"),) * 21, b""), "21 headers; expected at most 20"),
        (("/a", "GET", (("X", "a\nb"),), b""), "the header 'X': 'a\\nb'"),
        (("/a", "GET", (("X Y", "a"),), b""), "the header 'X Y'"),
        (("/a", "GET", (("Content-Length", "5"),), b""), "the header Content-Length cannot be chosen"),
        (("/a", "GET", (("x-zoo-follow", "5"),), b""), "the header x-zoo-follow cannot be chosen"),
        (("/a", "GET", (("Host", "a"), ("host", "b")), b""), "Host stands twice"),
        (("/a", "GET", (("X", "y" * 4000),), b""), "the header X is too long"),
        (("/a", "POST", (), b"x" * (MOST_OF_BODY + 1)), "a body of 65,537 bytes; expected at most 65,536"),
    ],
)
def test_a_request_out_of_bounds_is_refused_in_words(words: Any, expected: str) -> None:
    with pytest.raises(BadQuestion) as refused:
        question(*words)
    assert str(refused.value).startswith(expected)


def test_the_bytes_of_a_request_are_what_was_chosen() -> None:
    chosen = question("/echo?a=1", "POST", (header("Host: zoo"), header("x-Odd: é")), b"a=b")
    assert (
        chosen.encoded("scgi", chosen.sent_headers("127.0.0.1:80", (("X-Zoo-Follow", "3"),)))
        == (
            "POST /scgi/echo?a=1 HTTP/1.1\r\nUser-Agent: zoo follow\r\nAccept: */*\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\nHost: zoo\r\nx-Odd: é\r\n"
            "X-Zoo-Follow: 3\r\nConnection: close\r\n\r\na=b"
        ).encode()
    )
