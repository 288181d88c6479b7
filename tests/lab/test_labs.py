"""Labs: the lessons are true, and bad input gets a sentence. How a lab ends: test_lab_ends.py."""

import doctest
import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from docs_in_test import examples
from zoo_in_test import ROOT, needs_sight

from gateway_zoo.keeper import own_zoo
from gateway_zoo.lab.crowd import Crowd

pytestmark = pytest.mark.slow

LESSONS = sorted(path for path in (ROOT / "labs").glob("*.md") if path.name != "README.md")
ENV = {name: value for name, value in os.environ.items() if not name.startswith("ZOO_")} | {"COLUMNS": "80"}


def lab(command: str, **env: str) -> subprocess.CompletedProcess[str]:
    argv = ["bash", "-c", command]
    return subprocess.run(argv, cwd=ROOT, env=ENV | env, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def outputs() -> dict[str, subprocess.CompletedProcess[str]]:
    """Every command of the lessons, and two for their JSON. Side by side: they mostly wait."""
    commands = [command for page in LESSONS for command, _ in examples(page)]
    commands += [*JSON.values()]
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(commands, pool.map(lab, commands), strict=True))


JSON = {
    "c10k": "./zoo lab c10k --connections 300 --against event,nginx --seconds 1 --json",
    "poll": "./zoo lab poll --descriptors 2000 --json",
    "sockets": "./zoo lab sockets --pings 20 --json",
}


@pytest.mark.parametrize("page", LESSONS, ids=lambda page: page.name)
def test_lessons_say_what_happens(outputs: dict[str, subprocess.CompletedProcess[str]], page: Path) -> None:
    matches = doctest.OutputChecker().check_output
    assert examples(page)
    for command, expected in examples(page):
        done = outputs[command]
        assert matches(expected, done.stdout + done.stderr, doctest.ELLIPSIS), (
            f"$ {command}\n{done.stdout}{done.stderr}"
        )


def test_every_lab_has_a_lesson_and_every_lesson_a_lab() -> None:
    commands = re.findall(r"^  (\w+) ", lab("./zoo lab --help").stdout.partition("Commands:")[2], re.MULTILINE)
    assert sorted(commands) == [page.stem for page in LESSONS]
    index = (ROOT / "labs/README.md").read_text(encoding="utf-8")
    assert [page.name for page in LESSONS if f"({page.name})" not in index] == []


def figures(outputs: dict[str, subprocess.CompletedProcess[str]], name: str) -> Any:
    done = outputs[JSON[name]]
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def documented(name: str) -> set[str]:
    """Words of a lesson's JSON paragraph."""
    text = (ROOT / "labs" / f"{name}.md").read_text(encoding="utf-8")
    return set(re.findall(r"\w+", text.partition("**JSON.**")[2]))


def names(value: Any) -> set[str]:
    """Every key in a JSON value that is a name: not an outcome such as 502."""
    if isinstance(value, list):
        return {name for each in value for name in names(each)}
    if not isinstance(value, dict):
        return set()
    return {key for key in value if key.islower() and key != "none"} | {
        n for each in value.values() for n in names(each)
    }


def test_nginx_and_event_hold_all_idle_connections(outputs: dict[str, subprocess.CompletedProcess[str]]) -> None:
    found = figures(outputs, "c10k")
    assert [(row["front"], row["kind"]) for row in found["rows"]] == [
        *(("event", "idle"), ("event", "slow"), ("nginx", "idle"), ("nginx", "slow"))
    ]
    for row in found["rows"]:
        if (row["front"], row["kind"]) != ("event", "slow"):
            assert (row["accepted"], row["waiting"], row["outside"], row["failed"]) == (300, 0, 0, 0), row
            # A busy machine sends fewer than its hundred in time, and may lose patience with a few.
            assert row["visitors"]["asked"] >= row["visitors"]["answered"] >= 80, row
            waits = [row["visitors"][name] for name in ("p50_ms", "p99_ms", "slowest_ms")]
            there = [wait for wait in waits if wait is not None]  # too few were answered for such a percentile
            assert there[0] == waits[0] > 0
            assert there == sorted(there)
        assert row["answered"] == (300 if row["kind"] == "idle" else 0)
        assert row["generator_cpu"] < 0.9, "this measured the generator"
    slow = found["rows"][1]
    assert 200 <= slow["accepted"] <= 256, "a half-sent request holds one of event's 256 threads"
    assert names(found) <= documented("c10k")


@needs_sight
def test_an_idle_connection_costs_nginx_less_than_event(outputs: dict[str, subprocess.CompletedProcess[str]]) -> None:
    event, _, nginx, _ = figures(outputs, "c10k")["rows"]
    assert 0 < nginx["bytes_per_connection"] < event["bytes_per_connection"] < 200_000


def test_prefork_takes_no_more_than_its_processes(outputs: dict[str, subprocess.CompletedProcess[str]]) -> None:
    said = outputs[examples(ROOT / "labs/c10k.md")[0][0]].stdout
    accepted = [int(n) for n in re.findall(r"prefork: (\d+) of\s+300", said)]
    assert len(accepted) == 2
    assert max(accepted) <= 64


def test_poll_grows_with_the_descriptors_and_epoll_does_not(
    outputs: dict[str, subprocess.CompletedProcess[str]],
) -> None:
    found = figures(outputs, "poll")
    rows = {(row["call"], row["descriptors"]): row for row in found["rows"]}
    assert rows["poll", 2000]["us"] > 20 * rows["poll", 10]["us"]
    assert rows["select", 1000]["us"] > 10 * rows["select", 10]["us"]
    assert rows["epoll", 2000]["us"] < 5 * rows["epoll", 10]["us"]
    assert rows["select", 2000]["us"] is None
    assert "out of range" in rows["select", 2000]["error"]
    assert found["max_user_watches"] == int(Path("/proc/sys/fs/epoll/max_user_watches").read_text(encoding="ascii"))
    assert names(found) <= documented("poll")


def test_a_full_unix_socket_refuses_and_a_full_port_keeps_silent(
    outputs: dict[str, subprocess.CompletedProcess[str]],
) -> None:
    found = figures(outputs, "sockets")
    runs = {(run["way"], run["socket"]): run["outcomes"] for run in found["overload"]["runs"]}
    assert set(runs["nginx", "unix"]) == {"200", "502"}
    assert set(runs["direct", "unix"]) == {"200", "EAGAIN"}
    for way in ("nginx", "direct"):
        # How many are refused, and how long the last of them takes, says how busy this machine is: a burst that comes
        # late finds room again. But refused is who does not wait: not for a slot, which is free after 200 ms at best.
        served, refused = (runs[way, "unix"][outcome] for outcome in ("200", "502" if way == "nginx" else "EAGAIN"))
        assert served["count"] + refused["count"] == found["overload"]["at_once"]
        assert refused["median_s"] < served["fastest_s"], "at once"
        assert set(runs[way, "tcp"]) <= {"200", "none", "504"}, "nobody is refused"
        assert runs[way, "tcp"]["200"]["count"] > runs[way, "unix"]["200"]["count"]
        assert runs[way, "tcp"]["200"]["slowest_s"] > 1, "the SYN is repeated after a second"
    assert len(found["costs"]) == 6
    assert all(cost["unix_us"] > 0 and cost["tcp_us"] > 0 for cost in found["costs"])
    assert found["limits"]["listen_65535_gives"] == min(65535, found["limits"]["somaxconn"])
    assert names(found) <= documented("sockets")


def test_another_user_reaches_the_port_and_not_the_socket(outputs: dict[str, subprocess.CompletedProcess[str]]) -> None:
    for door in figures(outputs, "sockets")["doors"]:
        if os.geteuid() != 0:
            assert (door["third"], bool(door["third_why"])) == (None, True)
        elif door["mode"]:
            assert (door["mode"], door["folder_mode"]) == ("srw-rw----", "drwxr-x---")
            assert "Permission denied" in door["third"]
        else:
            assert door["third"].endswith("connected")


# --- what people get wrong --------------------------------------------------------------------------------------------

WRONG = [
    ("c10k --connections -5", "Invalid value for '--connections'"),
    ("c10k --connections 0", "Invalid value for '--connections'"),
    ("c10k --connections abc", "Invalid value for '--connections'"),
    ("c10k --connections 1000000", "Invalid value for '--connections'"),
    ("c10k --connections 1e3", "Invalid value for '--connections'"),
    ("c10k --seconds 0", "Invalid value for '--seconds'"),
    ("c10k --against ngnix", "unknown front 'ngnix'; did you mean 'nginx'?"),
    ("c10k --against ''", "unknown front ''; expected some of nginx, event, worker, prefork"),
    ("poll --descriptors -1", "Invalid value for '--descriptors'"),
    ("sockets --pings 0", "Invalid value for '--pings'"),
    ("c100k", "unknown command 'c100k'; did you mean 'c10k'?"),
]


@pytest.mark.parametrize(("words", "said"), WRONG, ids=[words for words, _ in WRONG])
def test_wrong_usage_exits_2(words: str, said: str) -> None:
    done = lab(f"./zoo lab {words}")
    assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False), done.stderr


@pytest.mark.parametrize(
    ("words", "numbers"), [("c10k", ("1000", "1500", "200")), ("poll", ("10000", "200", "136"))], ids=["c10k", "poll"]
)
def test_too_low_a_limit_is_told_with_its_numbers(words: str, numbers: tuple[str, ...]) -> None:
    done = lab(f"ulimit -n 200; ./zoo lab {words}")
    assert done.returncode == 3, done.stderr
    assert all(number in done.stderr for number in numbers), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["c10k", "sockets"])
def test_in_containers_labs_with_servers_say_where_they_work(name: str) -> None:
    done = lab(f"./zoo lab {name}", ZOO_COMPOSE="1")
    assert (done.returncode, "on the machine itself" in done.stderr) == (3, True), done.stderr


def test_labs_that_start_together_do_not_choose_the_same_ports() -> None:
    """Nobody listens yet when the second one looks."""
    chosen = [own_zoo.chosen_ports([9001]) for _ in range(9)]
    assert all(len({ports[name] for ports in chosen}) > 1 for name in chosen[0])


def test_load_goes_to_loopback_only() -> None:
    with pytest.raises(ValueError, match="127"):
        Crowd(("192.0.2.1", 80), "/", ["127.0.0.2"])
    with pytest.raises(ValueError, match="127"):
        Crowd(("127.0.0.1", 80), "/", ["192.0.2.1"])
