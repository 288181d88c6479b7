"""Adding a gateway adds files and edits none: a cage folder and a fragment per front."""

import json
import socket

from own_checkout import add_cage, checkout, fingerprints, zoo_of
from zoo_in_test import FRONTS, Zoo

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
