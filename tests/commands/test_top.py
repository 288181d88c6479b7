"""`zoo top`: the screen with textual's pilot, one snapshot as JSON, and a terminal that is whole afterwards."""

import asyncio
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Static
from zoo_in_test import REGISTRY, ROOT, Zoo, slow

from gateway_zoo.commands.tables.top_screen import Question, Top
from gateway_zoo.keeper import state
from gateway_zoo.measure.population_watch import Watch
from gateway_zoo.settings import read_settings


@pytest.fixture(scope="module")
def small() -> Iterator[Zoo]:
    with Zoo() as zoo:
        yield zoo.up("fastcgi", "wsgi-sync", "mod_wsgi", env={"ZOO_CENTRE_PORT": "0"})


Steps = Callable[[Top, "Pilot[int]"], Awaitable[None]]


def on_screen(zoo: Zoo, steps: Steps, size: tuple[int, int] = (80, 24)) -> None:
    """Run the screen of this zoo, and the steps in it."""
    settings = state.running_settings(read_settings(zoo.env | {"ZOO_ROOT": str(zoo.root)}))
    watch = Watch(settings, REGISTRY, sweep_s=0.5)

    async def run() -> None:
        app = Top(settings, watch)
        async with app.run_test(size=size) as pilot:
            await until(pilot, lambda: lines(app))
            await steps(app, pilot)

    try:
        asyncio.run(run())
    finally:
        watch.close()


async def until(pilot: "Pilot[int]", holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "not within 30 s"
        await pilot.pause(0.05)


def lines(app: Top) -> list[list[str]]:
    table: DataTable[Any] = app.query_one("#table", DataTable)
    return [[str(cell) for cell in table.get_row(key)] for key in table.rows]


async def choose(app: Top, pilot: "Pilot[int]", name: str) -> None:
    """Move to the line that begins with this name."""
    names = [line[0].strip(" ▸▾") for line in lines(app)]
    app.query_one("#table", DataTable).move_cursor(row=next(n for n, each in enumerate(names) if each.startswith(name)))
    await pilot.pause()


def test_the_screen_opens_a_family_and_sorts(small: Zoo) -> None:
    async def steps(app: Top, pilot: "Pilot[int]") -> None:
        families = [line[0] for line in lines(app)]
        assert families[0] == "▸ keeper"
        assert "▸ wsgi-sync 5" in families
        await choose(app, pilot, "wsgi-sync")
        await pilot.press("enter")
        opened = lines(app)
        at = next(number for number, line in enumerate(opened) if line[0].startswith("▾ wsgi-sync"))
        assert [line[0] for line in opened[at + 1 : at + 6]] == ["    master", *["      worker"] * 4]
        assert {line[1] for line in opened[at + 1 : at + 6]} >= {str(small.session("wsgi-sync"))}
        await pilot.press("space")
        assert len(lines(app)) == len(families)
        await pilot.press("s", "s")
        threads = [int(line[2]) for line in lines(app)]
        assert threads == sorted(threads, reverse=True)
        assert "by threads" in str(app.query_one("#sums", Static).render())
        table = app.query_one("#table", DataTable)
        assert table.virtual_size.width <= table.size.width, "80 columns are enough"
        await pilot.press("q")

    on_screen(small, steps)


def test_a_restart_and_a_stop_follow_a_yes_and_nothing_follows_a_no(small: Zoo) -> None:
    before = small.session("fastcgi")

    async def steps(app: Top, pilot: "Pilot[int]") -> None:
        await choose(app, pilot, "fastcgi")
        for no in ("n", "escape", "q", "enter"):  # the first button is No
            await pilot.press("r")
            await until(pilot, lambda: isinstance(app.screen, Question))
            await pilot.press("s", "r", no)
            await until(pilot, lambda: not isinstance(app.screen, Question))
        assert small.session("fastcgi") == before
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: small.state()["sessions"].get("fastcgi", before) != before)
        await choose(app, pilot, "wsgi-sync")
        await pilot.press("k")  # a family is no process
        assert not isinstance(app.screen, Question)
        await pilot.press("enter", "down", "down")
        worker = lines(app)[app.query_one("#table", DataTable).cursor_row][1]
        await pilot.press("k")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: worker not in [line[1] for line in lines(app)])
        await until(pilot, lambda: [line[0] for line in lines(app)].count("      worker") == 4)
        assert f"{worker} died" in str(app.query_one("#events", Static).render())

    on_screen(small, steps)
    assert small.get("fastcgi", "nginx").text == "pong\n"


def test_what_runs_inside_a_front_is_said_in_the_question_and_the_keeper_is_left_alone(small: Zoo) -> None:
    async def steps(app: Top, pilot: "Pilot[int]") -> None:
        await choose(app, pilot, "keeper")
        await pilot.press("r")
        await pilot.pause()
        assert not isinstance(app.screen, Question)
        await choose(app, pilot, "mod_wsgi")
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, Question))
        words = " ".join(str(each.render()) for each in app.screen.query("Label").results(Static))
        assert "Restart apache? mod_wsgi runs inside it." in words
        await pilot.press("n")

    on_screen(small, steps, (120, 40))


# --- the command ------------------------------------------------------------------------------------------------------


def test_json_is_one_snapshot_and_no_terminal_is_said(small: Zoo) -> None:
    snapshot = json.loads(small.cli("top", "--json").stdout)
    assert {"keeper", "nginx", "fastcgi", "wsgi-sync"} <= {family["name"] for family in snapshot["families"]}
    assert snapshot["processes"] == sum(len(family["rows"]) for family in snapshot["families"])
    done = small.cli("top")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "zoo: zoo top needs a terminal; zoo top --json prints one snapshot, zoo ps the tree\n"


def test_help_does_not_load_textual() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from gateway_zoo.cli import app; "
        "done = CliRunner().invoke(app, ['--help']); assert 'top' in done.output; print('textual' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("False\n", 0), done.stderr


STATUS = {b"\x03": 0, b"q": 0, signal.SIGINT: 0, signal.SIGTERM: 143}


@pytest.mark.parametrize("end", [signal.SIGTERM, *slow(b"\x03", b"q", signal.SIGINT)])
def test_the_terminal_is_whole_afterwards(small: Zoo, end: bytes | signal.Signals) -> None:
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    env = small.env | {"TERM": "xterm-256color"}
    process = subprocess.Popen(
        [str(ROOT / "zoo"), "top"], env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    try:
        output = read_until(ours, b"processes")
        if isinstance(end, bytes):
            os.write(ours, end)
        else:
            process.send_signal(end)
        output += read_until(ours, b"\x1b[?1049l")
        assert b"\x1b[?1049h" in output, "the other screen of the terminal"
        assert process.wait(timeout=20) == STATUS[end]
        assert termios.tcgetattr(theirs) == before, "it echoes, and reads lines"
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def read_until(descriptor: int, wanted: bytes, seconds: float = 40) -> bytes:
    output, deadline = b"", time.monotonic() + seconds
    while wanted not in output:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        assert ready, f"no {wanted!r} within {seconds} s: {output[-500:]!r}"
        output += os.read(descriptor, 65536)
    return output
