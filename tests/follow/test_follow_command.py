"""`zoo follow` before a running zoo: one way as text and as JSON, two side by side, and what it refuses."""

import json
import re
import signal
import subprocess
import time
from typing import Any

import psutil
import pytest
from zoo_in_test import ROOT, Zoo, eventually, slow

SECRET = "c2VjcmV0"  # noqa: S105 - sent to be masked


def follow(zoo: Zoo, *words: str, status: int = 0) -> dict[str, Any]:
    done = zoo.cli("follow", *words, "--json")
    assert (done.returncode, done.stderr) == (status, ""), done
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def text(zoo: Zoo, *words: str, columns: int = 80) -> str:
    done = zoo.cli("follow", *words, env={"COLUMNS": str(columns)})
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


# --- one way ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", ["nginx:fastcgi", *slow("apache:uwsgi-http", "nginx:cgi")])
def test_everything_is_known_of_a_cell_with_a_socket(zoo: Zoo, cell: str) -> None:
    front, _, id = cell.partition(":")
    (way,) = follow(zoo, cell, "/hello", "-H", f"Cookie: a={SECRET}")["ways"]
    assert (way["exhibit"], way["front"], way["inside"], way["status"]) == (id, front, False, 200)
    assert way["request_id"].startswith("follow")
    assert SECRET not in json.dumps(way)
    assert SECRET.encode().hex() not in json.dumps(way)
    assert all((ROOT / line["file"]).is_file() for line in way["decision"]["lines"] if line["file"][0] != "$")
    assert all(variable["origin"] for variable in way["wire"]["variables"])
    assert {variable["variable"]: variable["value"] for variable in way["wire"]["variables"]}["HTTP_COOKIE"] == "*" * (
        len(SECRET) + 2
    )
    report, family = way["program"]["report"], way["program"]["family"]
    assert report["exhibit"] == id
    assert (report["pid"] in [row["pid"] for row in family]) == (id != "cgi")
    assert way["program"]["source"]["lines"][1] == "def hello() -> Response:"
    assert {change["header"]: change["is"] for change in way["back"]["changes"]}["X-Request-ID"] == "added"
    assert way["back"]["body"] == "the body is the same, 27 bytes"
    assert [(leg["start"], leg["end"]) for leg in way["legs"]] == [(0, 2), (2, 3), (3, 3), (3, 4), (4, 4)]
    assert all(moment["ms"] is not None for moment in way["moments"])
    moments = {moment["name"]: moment["ms"] for moment in way["moments"]}
    assert 0 == moments["sent"] < moments["to_gateway"] < moments["began"] < moments["ended"] < moments["answered"]


def test_a_cell_inside_apache_says_what_cannot_be_seen(zoo: Zoo) -> None:
    (way,) = follow(zoo, "mod_wsgi")["ways"]
    why = "the program lives inside Apache: there is no socket between them, and no bytes cross"
    assert (way["front"], way["inside"], way["wire"]["why"], way["back"]["why"]) == ("apache", True, why, why)
    assert way["wire"]["talk"] is None
    assert way["program"]["report"]["exhibit"] == "mod_wsgi"
    assert any(line["text"].startswith("WSGIScriptAlias") for line in way["decision"]["lines"])
    assert {m["name"]: m["why"] for m in way["moments"] if m["ms"] is None} == {"to_gateway": why, "from_gateway": why}


@pytest.mark.parametrize("columns", [80, *slow(120)])
def test_the_picture_fits_the_terminal(zoo: Zoo, columns: int) -> None:
    shown = text(zoo, "fastcgi", "/hello", "--via", "nginx", columns=columns)
    assert [line for line in shown.splitlines() if len(line) > columns] == []
    assert re.findall(r"^\d .*$", shown, re.MULTILINE) == [
        "1 browser → front",
        "2 the front decides",
        "3 front → gateway",
        "4 gateway → program",
        "5 the way back",
    ]
    assert re.search(r"^↓ [\d.]+ ms: in the front: it accepts, reads, decides, connects$", shown, re.MULTILINE)
    assert re.search(r"^  SCRIPT_NAME +/fastcgi +nginx/cages/fastcgi\.conf:\d+", shown, re.MULTILINE)
    assert re.search(r"^  app/zoo_app\.py:\d+  def hello", shown, re.MULTILINE)
    assert re.search(r"^  \+ X-Request-ID +follow", shown, re.MULTILINE)


def test_a_body_and_another_status(zoo: Zoo) -> None:
    (way,) = follow(zoo, "fastcgi", "/nothing", "--data", "a=b", "-X", "put")["ways"]
    assert (way["method"], way["status"]) == ("PUT", 404)
    assert {each["name"]: each["value"] for each in way["wire"]["variables"]}["CONTENT_LENGTH"] == "3"


# --- two ways ---------------------------------------------------------------------------------------------------------


def test_two_ways_side_by_side(zoo: Zoo) -> None:
    both = follow(zoo, "nginx:fastcgi", "apache:fastcgi", "/hello")
    assert [way["front"] for way in both["ways"]] == ["nginx", "apache"]
    wire = {row["name"]: row["is"] for row in both["beside"][2]["rows"]}
    assert (wire["SCRIPT_NAME"], wire["HTTP_X_ZOO_FRONT"], wire["DOCUMENT_ROOT"]) == ("same", "differs", "only B")
    shown = text(zoo, "fastcgi", "mod_wsgi")
    assert "A: fastcgi behind nginx" in shown
    assert [line for line in shown.splitlines() if len(line) > 80] == []


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "status", "expected"),
    [
        (["fastcg"], 2, "unknown exhibit 'fastcg'; did you mean 'fastcgi'?"),
        (["fastcgi", "hello"], 2, "unknown exhibit 'hello'; a path begins with /: zoo follow fastcgi /hello"),
        (["mod_wsgi", "--via", "nginx"], 3, "mod_wsgi is closed behind nginx: nginx embeds no Python interpreter"),
        (["fastcgi", "--via", "caddy"], 2, "unknown front 'caddy'; expected nginx or apache"),
        (["nginx:fastcgi", "--via", "apache"], 2, "nginx:fastcgi and --via apache name two fronts"),
        (["/hello"], 2, "expected one exhibit, or two to see them side by side"),
        (["cgi", "cgi", "cgi"], 2, "expected one exhibit, or two to see them side by side"),
        (["fastcgi", "-X", "TRACE"], 2, "the method 'TRACE'; expected GET, "),
        (["fastcgi", "-H", "no colon"], 2, "the header 'no colon'; expected 'Name: value'"),
    ],
)
def test_wrong_words_are_refused_with_right_ones(zoo: Zoo, words: list[str], status: int, expected: str) -> None:
    done = zoo.inside("follow", *words)
    assert (done.exit_code, done.stdout) == (status, "")
    assert done.stderr.startswith(f"zoo: {expected}")


def test_without_a_zoo_it_says_so(fresh_zoo: Zoo) -> None:
    done = fresh_zoo.cli("follow", "fastcgi")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("zoo: no zoo is running in ")


# --- a gateway that dies ----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_gateway_that_dies_in_the_middle(fresh_zoo: Zoo) -> None:
    fresh_zoo.up("fastcgi")
    gateway = psutil.Process(fresh_zoo.session("fastcgi"))
    gateway.suspend()  # the kernel takes the connection, and nobody answers
    words = [str(ROOT / "zoo"), "follow", "nginx:fastcgi", "--json"]
    with subprocess.Popen(words, env=fresh_zoo.env, stdout=subprocess.PIPE, text=True, cwd="/") as command:
        eventually(lambda: any(fresh_zoo.run.glob("sock/follow*.sock")), 30, "the follower listens")
        time.sleep(0.5)  # it sends at once then
        gateway.send_signal(signal.SIGKILL)
        out, _ = command.communicate(timeout=60)
    (way,) = json.loads(out)["ways"]
    assert (command.returncode, way["status"]) == (0, 502)
    assert way["wire"]["talk"]["errors"] in (["the gateway: Connection reset by peer"], ["no answer came"])
    assert way["program"]["why"].startswith("the front answered 502: the gateway gave no answer")
    assert way["back"]["why"] == "the gateway gave no answer: the front made one"
