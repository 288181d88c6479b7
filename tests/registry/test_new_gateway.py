"""Adding a gateway adds files and edits none: a cage folder and a fragment per front. A faulty one hurts no other."""

import json
import socket
import subprocess

import pytest
from own_checkout import add_cage, checkout, fingerprints, zoo_of
from zoo_in_test import CELLS, FRONTS, REGISTRY, Zoo, eventually

CAGE = """
title = "Turtle"
year = 1995
specification = "RFC 2616, slowly"
interface = "WSGI"
protocol = "HTTP"

[[family]]
id = "turtle"
server = "wsgiref"
model = "threads"
processes = 1
threads = 1
command = ["python", "{cage}/serve.py", "{turtle}"]

[[exhibit]]
id = "turtle"
family = "turtle"
about = "the standard library's own server"
tcp = 9003
fronts = ["nginx", "apache"]
"""

SERVE = '''"""wsgiref over TCP: `serve.py HOST:PORT`."""

import sys
from wsgiref.simple_server import make_server

from zoo_app import app


def turtle(environ, start_response):
    environ["SCRIPT_NAME"], environ["PATH_INFO"] = "/turtle", environ["PATH_INFO"].removeprefix("/turtle")
    return app(environ, start_response)


host, port = sys.argv[1].split(":")
make_server(host, int(port), turtle).serve_forever()
'''

FRAGMENTS = {
    "nginx": """
location /turtle/ {
    include params/proxy.conf;
    proxy_pass http://turtle/turtle/;
}
""",
    "apache": """
LoadModule proxy_http_module ${ZOO_MODULES}/mod_proxy_http.so
ProxyPass "/turtle/" "http://${turtle}/turtle/" retry=0
""",
}


def check_cell(zoo: Zoo, front: str) -> None:
    answer = zoo.get("turtle", front, "hello")
    assert (answer.status_code, answer.text) == (200, "Hello from the Gateway Zoo\n"), front
    facts = zoo.status("turtle", front)
    assert (facts["exhibit"], facts["front"], facts["server_software"][:12]) == ("turtle", front, "WSGIServer/0")


def test_adding_a_gateway_adds_files_and_edits_none() -> None:
    with checkout() as root:
        before = fingerprints(root)
        added = add_cage(root, "turtle", CAGE, SERVE, FRAGMENTS)
        with zoo_of(root) as zoo:
            zoo.up("turtle", "wsgi")
            for front in FRONTS:
                check_cell(zoo, front)
                assert zoo.get("wsgi", front).text == "pong\n"
                index = zoo.get("", front, "").text
                assert f"curl http://127.0.0.1:{zoo.ports[front]}/turtle/hello" in index
            listed = zoo.cli("ls")
            assert "turtle" in listed.stdout, listed.stderr
            rows = {row["id"]: row for row in json.loads(zoo.cli("ls", "--json").stdout)}
            assert (rows["turtle"]["server"], set(rows["turtle"]["fronts"])) == ("wsgiref", set(FRONTS))
            assert zoo.cli("check", "turtle").returncode == 0
            assert zoo.cli("restart", "turtle").stdout == "restarted turtle\n"
            zoo.down()
            with socket.create_server(("127.0.0.1", 9003 + zoo.shift)):  # its port is looked at like all ports
                done = zoo.cli("up", "-d", "turtle")
                assert done.returncode == 3
                assert f"port {9003 + zoo.shift} on 127.0.0.1 (turtle) is held by" in done.stderr
        after = fingerprints(root)
        assert {path: after.get(path) for path in before} == before, "a file was edited"
        assert set(after) - set(before) == set(added), "a file was added that nobody wrote"


# --- one that is faulty -----------------------------------------------------------------------------------------------

DYING = """
title = "Mayfly"
year = 2001
specification = "none"
interface = "WSGI"
protocol = "HTTP"

[[family]]
id = "mayfly"
server = "sh"
model = "threads"
processes = 1
threads = 4
command = ["sh", "{cage}/serve.py"]

[[exhibit]]
id = "mayfly"
family = "mayfly"
about = "it dies"
unix = "mayfly.sock"
fronts = ["nginx", "apache"]
"""
MAYFLY = {
    "nginx": "location /mayfly/ { include params/proxy.conf; proxy_pass http://unix:mayfly.sock:/mayfly/; }\n",
    "apache": 'ProxyPass "/mayfly/" "unix:mayfly.sock|http://mayfly/mayfly/" retry=0\n',
}


@pytest.mark.slow
def test_what_keeps_dying_is_tried_less_and_less_often_and_hurts_nobody() -> None:
    """A family that fails at once, and beside it a cage.toml that cannot be read, whose fragments name an upstream."""
    with checkout() as root:
        add_cage(root, "mayfly", DYING, "echo born; exit 7\n", MAYFLY)
        (root / "scgi" / "cage.toml").write_text("title = 7\n", encoding="utf-8")
        with zoo_of(root) as zoo:
            done = zoo.cli("up", "-d")
            assert done.returncode == 1, done.stderr
            assert "mayfly behind nginx does not answer\n" in done.stderr
            assert f"{root}/scgi/cage.toml: title: Expected `str`, got `int`" in done.stderr
            assert "Traceback" not in done.stderr
            for front in FRONTS:
                down = zoo.get("mayfly", front)
                assert down.status_code == {"nginx": 502, "apache": 503}[front]
                assert down.headers["Content-Type"] == "text/plain; charset=utf-8", front
                assert down.text == "mayfly does not answer. Start it with: ./zoo restart mayfly\n"
            cells = [cell for cell in zoo.open_cells() if cell[0] != "mayfly"]
            assert cells == [cell for cell in CELLS if REGISTRY.cage_of(cell[0]).name != "scgi"]
            assert [cell for cell in cells if zoo.get(*cell).text != "pong\n"] == []
            assert zoo.get("scgi", "nginx").status_code == 404, "nobody knows it"
            eventually(lambda: births(zoo) >= 5, 10, "five births")
            pauses = [float(line.split()[-2]) for line in keeper_log(zoo) if "mayfly ended (exit 7)" in line]
            assert pauses[:5] == [0.2, 0.5, 1.0, 2.0, 5.0]
            assert zoo.state()["failures"]["mayfly"] >= 4
            before = births(zoo)
            done = zoo.cli("restart", "wsgi")
            assert (done.returncode, births(zoo)) == (0, before), "nobody else's restart hastens it"
            with subprocess.Popen([root / "zoo", "restart", "mayfly"], env=zoo.env) as restart:
                eventually(lambda: births(zoo) > before, 2, "a restart on demand does not wait")
                restart.kill()  # it waits for an answer


def births(zoo: Zoo) -> int:
    return (zoo.run / "logs/mayfly.log").read_text(encoding="utf-8").count("born")


def keeper_log(zoo: Zoo) -> list[str]:
    return (zoo.run / "logs/keeper.log").read_text(encoding="utf-8").splitlines()
