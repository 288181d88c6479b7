"""The page of the processes: its stream to many viewers, what the guard refuses, and the page in a browser."""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from centre_in_test import CentreZoo, a_centre, a_fresh_centre  # noqa: F401 - fixtures
from centre_tab import opened, tab_to
from starlette.requests import Request
from starlette.responses import StreamingResponse
from zoo_in_test import eventually

from gateway_zoo.centre.live import WAITING, Broadcast
from gateway_zoo.centre.page import Live
from gateway_zoo.errors import Stop

LIVE = "/api/processes/live"


@contextlib.contextmanager
def stream(centre: CentreZoo) -> Iterator[Iterator[tuple[str, Any]]]:
    """The events of the stream, as a browser has them."""
    with socket.create_connection(("127.0.0.1", centre.centre), timeout=15) as connection:
        head = f"GET {LIVE} HTTP/1.1\r\nHost: 127.0.0.1:{centre.centre}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        with connection.makefile("rb") as file:
            lines = [file.readline() for _ in range(3)]
            assert lines[0].startswith(b"HTTP/1.1 200 "), lines
            yield _events(file)


def _events(file: Any) -> Iterator[tuple[str, Any]]:
    name = ""
    while line := file.readline():
        if line.startswith(b"event: "):
            name = line[7:].decode().strip()
        elif line.startswith(b"data: "):
            yield name, json.loads(line[6:])


# --- the stream of a running centre -----------------------------------------------------------------------------------


def test_a_viewer_gets_the_whole_then_what_changes(centre: CentreZoo) -> None:
    with stream(centre) as events, stream(centre) as others:
        name, whole = next(events)
        assert name == "whole"
        assert {"keeper", "centre", "cgi", "fastcgi"} <= {family["name"] for family in whole["families"]}
        assert next(others)[0] == "whole"
        centre.get("cgi", "nginx", "hello")
        for viewer in (events, others):
            seen: list[dict[str, Any]] = []
            while not any(event["family"] == "cgi" and event["kind"] != "born" for event in seen):
                name, change = next(viewer)
                assert name == "change"
                seen += change["events"]


REFUSED = [
    (["Origin: http://evil.example", "Sec-Fetch-Site: cross-site"], ""),
    (["Origin: null"], ""),
    (["Origin: http://127.0.0.1:1"], ""),
    (["Sec-Fetch-Site: same-site", "Sec-Fetch-Mode: cors"], ""),
    (["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"], ""),
    ([], "evil.example"),
]


@pytest.mark.parametrize(("headers", "host"), REFUSED, ids=[str(headers or host) for headers, host in REFUSED])
def test_an_event_source_from_elsewhere_reads_nothing(centre: CentreZoo, headers: list[str], host: str) -> None:
    answer = centre.ask(LIVE, "Accept: text/event-stream", *headers, host=host)
    assert (answer.status, b"whole" in answer.body, b"keeper" in answer.body) == (403, False, False)


def test_a_crowd_for_something_to_see_is_sent_to_an_open_exhibit_only(centre: CentreZoo) -> None:
    answer = centre.post({"exhibit": "fastcgi"}, action="processes/send")
    assert [(crowd["exhibit"], crowd["requests"], crowd["failed"]) for crowd in answer.json()] == [("fastcgi", 8, [])]
    for given in ({"exhibit": "scgi"}, {"exhibit": "nothing"}, {}, {"exhibit": ["fastcgi"]}):
        answer = centre.post(given, action="processes/send")
        assert (answer.status, answer.body) == (422, b'"exhibit": expected an exhibit that is open\n')


@pytest.mark.slow
def test_down_ends_open_streams_and_the_centre_complains_of_nothing(fresh_centre: CentreZoo) -> None:
    fresh_centre.up("fastcgi")
    with stream(fresh_centre) as events:
        assert next(events)[0] == "whole"
        fresh_centre.down()
        assert [name for name, _ in events if name != "change"] == []
    assert (fresh_centre.run / "logs/centre.log").read_text(encoding="utf-8") == ""


# --- one computation for all ------------------------------------------------------------------------------------------


class Data:
    """Data that grow by one at each look."""

    def __init__(self) -> None:
        self.looks = 0
        self.lost = False
        self.ending = threading.Event()
        self.broadcast = Broadcast(self.look, Live(0.01, lambda before, now: now - before), self.ending)

    def look(self) -> int:
        self.looks += 1
        if self.lost:
            raise Stop("no zoo runs", 3)
        return self.looks

    async def viewer(self) -> AsyncIterator[Any]:
        answer = await self.broadcast.answer(Request({"type": "http", "method": "GET", "headers": []}))
        assert isinstance(answer, StreamingResponse)
        return aiter(answer.body_iterator)


def test_all_viewers_share_a_look_and_without_a_viewer_there_is_none() -> None:
    async def run() -> None:
        data = Data()
        viewers = [await data.viewer() for _ in range(20)]
        assert data.looks == 0
        first = await asyncio.gather(*(anext(viewer) for viewer in viewers))
        assert set(first) == {b"event: whole\ndata: 1\n\n"}
        assert set(await asyncio.gather(*(anext(viewer) for viewer in viewers))) == {b"event: change\ndata: 1\n\n"}
        assert data.looks <= 4
        data.lost = True
        while (await anext(viewers[0])) != b'event: problem\ndata: "no zoo runs"\n\n':
            pass
        data.lost = False
        while not (await anext(viewers[0])).startswith(b"event: whole"):
            pass
        for viewer in viewers:
            await viewer.aclose()  # type: ignore[attr-defined]
        await asyncio.sleep(0.05)
        looks = data.looks
        await asyncio.sleep(0.1)
        assert data.looks == looks

    asyncio.run(run())


def test_a_slow_viewer_and_the_end_of_the_centre_end_a_stream() -> None:
    async def run() -> None:
        data = Data()
        slow, quick = await data.viewer(), await data.viewer()
        await asyncio.gather(anext(slow), anext(quick))
        for _ in range(WAITING + 5):
            await anext(quick)
        assert [message async for message in slow] == []
        data.ending.set()
        assert all([message.startswith(b"event: change") async for message in quick])

    asyncio.run(run())


# --- in a browser -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_press_shows_births_and_deaths_by_keyboard_and_holds_still(centre: CentreZoo) -> None:
    with opened(centre, "/processes") as tab:
        assert tab.locator("#go").bounding_box()["y"] < 300, "the main act is on the first screen"  # type: ignore[index]
        assert tab.locator("#tree tbody th").first.inner_text().startswith("cgi"), "the chosen family is the first"
        tab_to(tab, "#exhibit")
        tab_to(tab, "#go")
        tab.keyboard.press("Enter")
        tab.locator("#events .died, #events .came").first.wait_for(timeout=15_000)
        assert "cgi" in tab.locator("#events li").first.inner_text()
        tab.locator("#told", has_text="8 requests took ").wait_for(timeout=15_000)
        tab_to(tab, "#pause")
        tab.keyboard.press("Enter")
        assert tab.locator("#pause").inner_text() == "Go on"
        before = tab.locator("#events").inner_text()
        centre.get("cgi", "nginx", "hello")
        tab.wait_for_timeout(1500)
        assert tab.locator("#events").inner_text() == before
        tab.click("#pause")
        tab.locator("#state", has_text="processes").wait_for()


@pytest.mark.slow
def test_an_open_page_says_that_the_zoo_is_gone_and_goes_on(fresh_centre: CentreZoo) -> None:
    fresh_centre.up("fastcgi")
    lost = ("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE")
    with opened(fresh_centre, "/processes", expect=lost) as tab:
        fresh_centre.down()
        tab.locator("#link", has_text="The visitor centre does not answer").wait_for(timeout=15_000)
        fresh_centre.up("fastcgi")
        tab.locator("#link:empty").wait_for(timeout=15_000, state="attached")
        pid = str(fresh_centre.session("fastcgi"))
        eventually(lambda: pid in tab.locator("#tree").inner_text(), 15, "the new processes are shown")
