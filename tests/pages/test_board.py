"""The sticker board through both fronts, ws and wss, with real clients: what it is for, and what survives.

What it refuses: test_board_refuses.py. In a browser: test_board_browser.py.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
from typing import Any

import pytest
import requests
from board_in_test import WAYS, Guest, Line, an_empty_board, board_zoo, connect, file_of, guest, the_board, url  # noqa: F401 - fixtures
from websockets.asyncio.client import connect as connect_async
from websockets.asyncio.client import unix_connect
from websockets.exceptions import ConnectionClosed
from zoo_in_test import FRONTS, ROOT, Zoo, eventually, python_of

from gateway_zoo.serving.listen import answers

# --- What it is for ---------------------------------------------------------------------------------------------------


def test_a_sticker_of_one_appears_at_all_others(zoo: Zoo) -> None:
    with contextlib.ExitStack() as stack:
        guests = [stack.enter_context(guest(zoo, *way)) for way in WAYS]
        assert [one.welcome["front"] for one in guests] == [front for front, _ in WAYS]
        for one, way in zip(guests, WAYS, strict=True):
            one.say(do="add", text=f"over {way}", colour="green", x=0.25, y=1)
            events = [other.hear("add") for other in guests]
            assert all(event == events[0] for event in events), events
            sticker = events[0]["sticker"]
            assert (sticker["text"], sticker["colour"], sticker["x"], sticker["y"]) == (f"over {way}", "green", 0.25, 1)
            assert events[0]["by"] == one.welcome["you"]


@pytest.mark.parametrize("way", WAYS, ids="-".join)
def test_a_late_joiner_gets_the_board_as_it_is(zoo: Zoo, way: tuple[str, str]) -> None:
    with guest(zoo, "nginx") as early:
        for text in ("first", "second", "third"):
            early.say(do="add", text=text)
        first, second, third = (early.hear("add")["sticker"]["id"] for _ in range(3))
        early.say(do="move", id=first, x=0.5, y=0)
        early.say(do="edit", id=second, text="Zwei 🦓\nlines", colour="pink")
        early.say(do="remove", id=third)
        assert early.hear("remove")["sticker"]["text"] == "third"
        with guest(zoo, *way) as late:
            seen = {one["id"]: (one["text"], one["colour"]) for one in late.board["stickers"]}
            assert list(seen.items()) == [(first, ("first", "yellow")), (second, ("Zwei 🦓\nlines", "pink"))]
            assert (late.board["stickers"][0]["x"], late.board["stickers"][0]["y"]) == (0.5, 0)
            late.say(do="remove", id=first)
            assert early.hear("remove")["version"] == late.board["version"] + 1


def test_the_instructor_clears_the_board_and_a_student_cannot(zoo: Zoo) -> None:
    with guest(zoo, "nginx") as one, guest(zoo, "apache") as other:
        for text in ("first", "second"):
            one.say(do="add", text=text)
        other.hear("add")
        for front in FRONTS:
            answer = requests.delete(zoo.url("asgi-board", front, "stickers"), timeout=20)
            assert answer.status_code == 403, answer.text
            assert "only the visitor centre clears the board" in answer.json()["why"]
        assert len(the_board(zoo)) == 2
        done = zoo.cli("class", "--clear-board")
        assert (done.returncode, "add --yes" in done.stderr) == (2, True), done.stderr
        assert len(the_board(zoo)) == 2
        done = zoo.cli("class", "--clear-board", "--yes", "--json")
        assert json.loads(done.stdout) == {"removed": 2}, done.stderr
        for each in (one, other):
            while (event := each.hear("board"))["stickers"]:
                pass
            assert event["stickers"] == []


def test_curl_can_add_one_too(zoo: Zoo) -> None:
    with guest(zoo, "apache") as other:
        for front in FRONTS:
            answer = requests.post(zoo.url("asgi-board", front, "stickers"), json={"text": front}, timeout=20)
            assert (answer.status_code, answer.headers["Content-Type"]) == (201, "application/json")
            assert other.hear("add") == answer.json()
    places = [(one["x"], one["y"]) for one in the_board(zoo)]
    assert len(set(places)) == len(FRONTS), "without a place each gets one of its own"


def test_visitors_are_counted(zoo: Zoo) -> None:
    with guest(zoo, "nginx") as first:
        eventually(
            lambda: first.hear("visitors", 60)["visitors"] == 1, 60, "alone: visitors of the test before have gone"
        )
        with guest(zoo, "apache"):
            eventually(lambda: first.hear("visitors")["visitors"] == 2, 30, "two")
        eventually(lambda: first.hear("visitors")["visitors"] == 1, 30, "alone again")


def test_all_who_add_at_once_see_the_same_board(zoo: Zoo) -> None:
    """40 visitors, 5 stickers each: none is lost, and who follows the events has what a newcomer gets."""
    each, everybody = 5, 40

    async def one(number: int) -> dict[int, dict[str, Any]]:
        async with connect_async(url(zoo, FRONTS[number % 2]), max_size=None) as connection:
            await connection.recv()
            seen = {s["id"]: s for s in json.loads(await connection.recv())["stickers"]}
            for n in range(each):
                await connection.send(json.dumps({"do": "add", "text": f"{number}.{n}"}))
            while len(seen) < each * everybody:
                event = json.loads(await asyncio.wait_for(connection.recv(), 30))
                if event["event"] == "add":
                    assert event["sticker"]["id"] not in seen
                    seen[event["sticker"]["id"]] = event["sticker"]
            return seen

    async def together() -> list[dict[int, dict[str, Any]]]:
        return await asyncio.gather(*(one(number) for number in range(everybody)))

    seen = asyncio.run(together())
    board = {s["id"]: s for s in the_board(zoo)}
    assert all(one == board for one in seen)
    assert {s["text"] for s in board.values()} == {f"{v}.{n}" for v in range(everybody) for n in range(each)}


# --- What survives ----------------------------------------------------------------------------------------------------


def restart(zoo: Zoo) -> None:
    assert zoo.cli("restart", "asgi-board").returncode == 0


def kill(zoo: Zoo) -> None:
    os.kill(zoo.session("asgi-board"), signal.SIGKILL)


@pytest.mark.parametrize("end", [restart, kill])
def test_stickers_survive_and_visitors_come_back(zoo: Zoo, end: Any) -> None:
    with guest(zoo, "nginx") as first, guest(zoo, "apache", "wss") as second:
        first.say(do="add", text="still here", colour="blue")
        assert second.hear("add") == first.hear("add")
        before = the_board(zoo)
        old = zoo.session("asgi-board")
        end(zoo)
        if end is restart:
            assert first.closing() == second.closing() == (1012, ""), "service restart"
    eventually(lambda: zoo.session("asgi-board") != old and zoo.get("asgi-board", "nginx").ok, 20, "it is back")
    with guest(zoo, "nginx") as first, guest(zoo, "apache", "wss") as second:
        assert first.board["stickers"] == second.board["stickers"] == before
        first.say(do="edit", id=before[0]["id"], text="and alive", colour="blue")
        assert second.hear("edit")["sticker"]["text"] == "and alive"


def test_two_processes_on_one_file_lose_nothing_and_see_each_other(zoo: Zoo) -> None:
    """A second server on the same file, as after a mistake, and two more processes that write it."""
    argv = [python_of(), str(ROOT / "board/serve_board.py"), "second.sock"]
    env = {"PYTHONPATH": str(ROOT / "app"), "ZOO_RUN": str(zoo.run), "ZOO_FAMILY": "second"}
    owner = file_of(zoo).parent.stat()
    who: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    path = zoo.run / "sock/second.sock"
    writer = "import sys; from pathlib import Path; from store import Store; s = Store(Path(sys.argv[1]))\n"
    writer += "for n in range(50): s.add(f'{sys.argv[2]}{n}', 'blue')"
    with subprocess.Popen(argv, env=env, cwd=zoo.run / "sock", **who) as server:
        try:
            eventually(lambda: answers(str(path)), 20, "the second server listens")
            with (
                guest(zoo, "nginx") as first,
                Line(unix_connect(str(path), "ws://localhost/live", max_size=None, max_queue=None)) as raw,
            ):
                second = Guest(raw)
                commands = [[python_of(), "-c", writer, str(file_of(zoo)), name] for name in "ab"]
                writers = [subprocess.Popen(argv, env={"PYTHONPATH": str(ROOT / "board")}, **who) for argv in commands]
                for n in range(25):
                    first.say(do="add", text=f"c{n}")
                    second.say(do="add", text=f"d{n}")
                assert [writer.wait(60) for writer in writers] == [0, 0]
                wanted = {f"{name}{n}" for name in "ab" for n in range(50)} | {
                    f"{c}{n}" for c in "cd" for n in range(25)
                }
                eventually(lambda: {s["text"] for s in the_board(zoo)} == wanted, 10, "nobody's sticker is lost")
                second.say(do="add", text="the last")
                texts = {s["text"] for s in first.hear("board")["stickers"]}
                while "the last" not in texts:
                    texts = {s["text"] for s in first.hear("board")["stickers"]}
                assert texts == wanted | {"the last"}
        finally:
            server.terminate()
            server.wait(10)
            path.unlink(missing_ok=True)


@pytest.mark.parametrize("restarted", [False, True], ids=["while it runs", "before it starts"])
def test_a_damaged_file_is_named_with_its_cure(zoo: Zoo, restarted: bool) -> None:
    with guest(zoo, "nginx") as before:
        before.say(do="add", text="of the old board")
        before.hear("add")
    damaged = file_of(zoo).with_name("garbage")
    damaged.write_bytes(b"no database" * 1000)
    os.chown(damaged, file_of(zoo).stat().st_uid, -1)
    damaged.replace(file_of(zoo))
    for rest in ("-wal", "-shm"):
        file_of(zoo).with_name(f"board.sqlite{rest}").unlink(missing_ok=True)
    if restarted:
        restart(zoo)
    for front in FRONTS:
        answer = zoo.get("asgi-board", front, "board")
        assert answer.status_code == 503
        assert "file is not a database" in answer.json()["why"]
        assert "mv board.sqlite board.damaged" in answer.json()["why"]
        with connect(zoo, front) as connection:
            said = [json.loads(connection.recv(timeout=5))["event"] for _ in range(1)]
            assert said == ["refused"]
            with pytest.raises(ConnectionClosed, match="1011"):
                connection.recv(timeout=5)
        assert [zoo.get("asgi-board", front, path).status_code for path in ("hello", "ping", "status")] == [200] * 3
    assert zoo.cli("check", "asgi-board").returncode == 1
    file_of(zoo).rename(file_of(zoo).with_name("board.damaged"))  # what it says; no restart
    assert the_board(zoo) == []
    with guest(zoo, "apache") as after:
        after.say(do="add", text="of the new board")
        assert after.hear("add")["sticker"]["text"] == "of the new board"
    assert zoo.cli("check", "asgi-board").returncode == 0


def test_a_file_that_cannot_be_written_refuses_changes_and_is_still_shown(zoo: Zoo) -> None:
    folder = file_of(zoo).parent
    with guest(zoo, "nginx") as one:
        one.say(do="add", text="written before")
        one.hear("add")
        for path in folder.iterdir():
            path.chmod(0o400)
        folder.chmod(0o500)
        try:
            restart(zoo)
            answer = requests.post(zoo.url("asgi-board", "nginx", "stickers"), json={"text": "x"}, timeout=20)
            assert answer.status_code == 503
            assert "cannot be used" in answer.json()["why"]
            assert "writable" in answer.json()["why"]
            assert [zoo.get("asgi-board", front).text for front in FRONTS] == ["pong\n"] * 2
        finally:
            folder.chmod(0o750)
            for path in folder.iterdir():
                path.chmod(0o640)
    with guest(zoo, "apache") as after:
        assert [s["text"] for s in after.board["stickers"]] == ["written before"]
        after.say(do="add", text="written again")
        assert after.hear("add")["sticker"]["text"] == "written again"
