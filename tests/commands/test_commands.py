"""What the commands show: shapes for programs, tables that fit for people, and the truth when a cage.toml lies."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from zoo_in_test import ANSWERS, CELLS, FRONTS, REGISTRY, ROOT, Zoo, eventually, needs_sight

TABLES = [["ls"], ["check"], ["compare", "fastcgi", "fastcgi-fork", "mod_wsgi-embedded"], ["ps"], ["logs"]]


def of_json(zoo: Zoo, *words: str) -> Any:
    done = zoo.cli(*words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def lying(tmp_path: Path) -> Path:
    """A root whose cages can be edited: the registry is all that `check` and `compare` read there."""
    for cage in ROOT.glob("*/cage.toml"):
        shutil.copytree(cage.parent, tmp_path / cage.parent.name)
    return tmp_path


@pytest.mark.slow
@pytest.mark.parametrize("words", TABLES, ids=lambda words: words[0])
@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit(zoo: Zoo, words: list[str], columns: int) -> None:
    zoo.get("wsgi", "nginx")
    done = zoo.cli(*words, env={"COLUMNS": str(columns)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if len(line) > columns] == []
    for name in ("fastcgi-fork", "mod_wsgi-embedded"):  # whole names, no ellipsis
        assert name in done.stdout or words[0] in ("logs", "ps"), done.stdout
    assert "\x1b" not in done.stdout, "colour without a terminal"


def test_ls_has_the_documented_shape(zoo: Zoo) -> None:
    rows = {row["id"]: row for row in of_json(zoo, "ls")}
    assert set(rows["uwsgi-scgi"]) == {
        *("id", "cage", "family", "protocol", "interface", "model", "slots", "server", "fronts")
    }
    assert (rows["uwsgi-scgi"]["family"], rows["uwsgi-scgi"]["protocol"]) == ("uwsgi", "SCGI")
    assert rows["ajp"]["fronts"]["nginx"] == {"closed": "nginx speaks no AJP"}
    assert rows["wsgi"]["fronts"]["apache"] == {"url": f"http://127.0.0.1:{zoo.ports['apache']}/wsgi"}
    assert rows["cgi"]["slots"] is None


def test_check_asks_everything(zoo: Zoo) -> None:
    found = of_json(zoo, "check")
    closed = len(FRONTS) * len(REGISTRY.exhibits) - len(CELLS)
    assert (found["ok"], found["failed"], found["closed"]) == (True, 0, closed), found
    assert [cell["state"] for cell in found["cells"]].count("ok") == ANSWERS
    status = next(c for c in found["cells"] if (c["exhibit"], c["endpoint"], c["front"]) == ("wsgi", "status", "nginx"))
    assert psutil.pid_exists(status["pid"])
    assert status["ms"] > 0
    assert any("nginx" in value for value in found["differences"]["server"])


def test_check_by_address_needs_no_run_directory(zoo: Zoo) -> None:
    urls = [f"--{front}=http://127.0.0.1:{zoo.ports[front]}" for front in FRONTS]
    each = 3 + len(REGISTRY.questions("wsgi"))  # wsgi behind both, ajp behind Apache; the fourth cell is closed
    done = zoo.cli("check", "wsgi", "ajp", *urls, env={"ZOO_RUN": "/nonexistent/zoo"})
    assert (done.returncode, f"{3 * each} ok, 0 failed, 1 closed" in done.stdout) == (0, True), (
        done.stdout + done.stderr
    )


def test_check_fails_for_what_does_not_answer(zoo: Zoo) -> None:
    done = zoo.cli("check", "wsgi", "--nginx=http://127.0.0.1:1", "--json", env={"ZOO_RUN": "/nonexistent/zoo"})
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["failed"] == 3 + len(REGISTRY.questions("wsgi"))
    assert "ConnectionRefusedError" in found["cells"][0]["why"]


@pytest.mark.slow
def test_compare_observes_what_is_declared(zoo: Zoo) -> None:
    found = of_json(zoo, "compare")
    assert [(c["exhibit"], c["front"]) for c in found["cells"]] == CELLS
    assert {(c["exhibit"], c["front"]): c["contradictions"] for c in found["cells"] if c["contradictions"]} == {}
    seen = {c["exhibit"]: c for c in found["cells"]}
    assert seen["cgi"]["model"] == "fork per request"
    assert (seen["fastcgi"]["processes"], seen["fastcgi"]["parallel"]) == (1, 4)
    assert (seen["fastcgi-fork"]["processes"], seen["fastcgi-fork"]["threads"]) == (4, 1)
    assert seen["uwsgi"]["model"] == "prefork x threads"
    assert sum(seen["wsgi"]["served"].values()) >= 24


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "truth", "lie", "said"),
    [
        ("fastcgi", 'model = "threads"', 'model = "prefork"', "declares 'prefork', looks like 'threads'"),
        ("fastcgi", "threads = 4", "threads = 8", "declares 8 slots, 4 of 8 requests ran in parallel"),
        ("fastcgi-fork", "processes = 4", "processes = 2", "declares 2 slots, 4 of 8 requests ran in parallel"),
    ],
)
def test_compare_says_where_a_cage_toml_lies(
    zoo: Zoo, lying: Path, family: str, truth: str, lie: str, said: str
) -> None:
    file = lying / "fastcgi" / "cage.toml"
    head, mark, rest = file.read_text(encoding="utf-8").partition(f'[[family]]\nid = "{family}"\n')
    assert truth in rest
    file.write_text(head + mark + rest.replace(truth, lie, 1), encoding="utf-8")
    # By address: another checkout's command is not told what runs here.
    fronts = [f"--{front}=http://127.0.0.1:{zoo.ports[front]}" for front in ("nginx", "apache")]
    done = zoo.cli("compare", family, *fronts, env={"ZOO_ROOT": str(lying), "COLUMNS": "200"})
    assert done.returncode == 1
    assert f"{family} behind nginx: cage.toml {said}" in done.stdout, done.stdout


@pytest.mark.slow
def test_compare_explains_two_exhibits(zoo: Zoo) -> None:
    text = zoo.cli("compare", "cgi", "scgi", env={"COLUMNS": "300"}).stdout
    assert "cgi behind nginx answered" in text
    assert "each from a new process" in text
    assert "Wire protocol: cgi CGI, scgi SCGI." in text
    assert "times the median time" in text


@needs_sight
def test_ps_names_every_family(zoo: Zoo) -> None:
    for _ in range(3):
        zoo.get("fcgid", "apache")
    rows = of_json(zoo, "ps")
    assert set(rows[0]) == {*("exhibit role pid ppid threads rss pss cpu_s age_s requests place born".split())}
    families = {row["exhibit"] for row in rows}
    assert families >= {"keeper", "nginx", "apache", "uwsgi", "mod_wsgi", "fcgid", "cgi", "asgi"}, families
    assert [row["role"] for row in rows if row["exhibit"] == "wsgi-sync"] == ["master"] + 4 * ["worker"]
    assert {row["pid"] for row in rows} <= {p.pid for p in zoo.processes()}


def test_logs_join_front_and_gateway(zoo: Zoo) -> None:
    told = {}
    for cell in zoo.open_cells():
        answer = zoo.get(*cell, "status?json")
        facts = answer.json()
        assert answer.headers["X-Request-ID"] == facts["request_id"], cell
        told[cell] = facts
    lines: dict[str, Any] = {}

    def all_joined() -> bool:
        found = of_json(zoo, "logs", "-n", str(len(told) + 10))
        lines.update({line["id"]: line for line in found if line["front"] and line["app_ms"] is not None})
        return {facts["request_id"] for facts in told.values()} <= lines.keys()

    eventually(all_joined, 5, f"a line of front and app for each of {told}")
    for (exhibit, front), facts in told.items():
        joined = lines[facts["request_id"]]
        assert (joined["exhibit"], joined["front"], joined["pid"]) == (exhibit, front, facts["pid"])
        assert joined["front_ms"] >= joined["app_ms"] - 1


def test_logs_escape_what_strangers_write(zoo: Zoo) -> None:
    requests.get(f"http://127.0.0.1:{zoo.ports['nginx']}/wsgi/%1b%5b31m", timeout=20)
    text = zoo.cli("logs", "-n", "50", env={"COLUMNS": "200"}).stdout
    assert "\x1b" not in text


def test_config_prints_the_generated_file(zoo: Zoo) -> None:
    text = zoo.cli("config", "nginx").stdout
    assert f"listen 127.0.0.1:{zoo.ports['nginx']};" in text
    assert text == (zoo.run / "nginx" / "local.conf").read_text(encoding="utf-8")


@pytest.mark.slow
def test_doctor_names_the_running_zoo_and_nothing_else(zoo: Zoo) -> None:
    problems = of_json_any(zoo, "doctor")
    assert problems == [], "it is well"
    assert "a zoo runs here, all is well" in zoo.cli("doctor").stdout


def of_json_any(zoo: Zoo, *words: str, env: dict[str, str] | None = None) -> Any:
    return json.loads(zoo.cli(*words, "--json", env=env).stdout)


@pytest.mark.slow
@needs_sight
def test_doctor_names_what_is_in_the_way(zoo: Zoo, lying: Path) -> None:
    (lying / "ajp" / "cage.toml").write_text('title = "AJP"\n', encoding="utf-8")
    file = lying / "wsgi" / "cage.toml"
    text = file.read_text(encoding="utf-8").replace('modules = ["waitress"]', 'modules = ["no_such_module"]')
    file.write_text(text.replace('gunicorn = "23"', 'gunicorn = "99"'), encoding="utf-8")
    long = "/tmp/" + "x" * 100  # noqa: S108 - never made
    env = {"ZOO_ROOT": str(lying), "ZOO_RUN": long}
    problems = {p["what"]: p for p in of_json_any(zoo, "doctor", env=env)}
    text = "\n".join(problems)
    assert "is too long: a socket's path would have" in text
    assert f"port {zoo.ports['nginx']} on 127.0.0.1 (nginx) is held by nginx (pid" in text
    assert f"{lying}/ajp/cage.toml: " in text
    assert "the Python module no_such_module is not installed (closed: wsgi-waitress behind nginx" in text
    assert "gunicorn 27.0.1 has known vulnerabilities, fixed in 99" in text
    assert zoo.cli("doctor", env=env).returncode == 3


def test_an_unknown_command_gets_a_hint(zoo: Zoo) -> None:
    done = zoo.cli("chek")
    assert (done.returncode, done.stderr) == (2, "zoo: unknown command 'chek'; did you mean 'check'?\n")


def test_restart_waits_until_the_exhibit_answers(zoo: Zoo) -> None:
    before = zoo.status("wsgi-waitress", "nginx")["pid"]
    assert zoo.cli("restart", "wsgi-waitress").returncode == 0
    assert zoo.status("wsgi-waitress", "nginx")["pid"] != before


def test_a_terminal_gets_colour_unless_no_color(zoo: Zoo) -> None:
    if shutil.which("script") is None:
        pytest.skip("script(1) makes the terminal, and is not installed")
    quiet = {"NO_COLOR": "1", "TERM": "xterm", **{k: v for k, v in os.environ.items() if k == "PATH"}}
    assert "\x1b[1m" in zoo.typescript("ls", {"TERM": "xterm"})
    assert "\x1b[31m" not in zoo.typescript("ls", quiet)
