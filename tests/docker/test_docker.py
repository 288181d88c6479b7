"""The zoo in containers: a project, a network and ports of its own, always taken down again.

Without an engine these tests are skipped with the reason. Under ZOO_REQUIRE_DOCKER=1 (`make test-docker`) they fail.
"""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests
from compose_in_test import FURTHER, Compose, docker
from docker_engine import need_engine, one_build_at_a_time
from own_checkout import checkout
from zoo_in_test import CELLS, FRONTS, REGISTRY, ROOT, TLS, eventually

from gateway_zoo.registry import plans
from gateway_zoo.registry.plans import Plan
from gateway_zoo.settings import Settings, SettingsError, read_settings

pytestmark = pytest.mark.docker

WITH_COMMAND = {family.id for family in REGISTRY.families.values() if family.command}
STARTED = {name for name in WITH_COMMAND if not REGISTRY.families[name].group}  # by a plain `up`
ON_TCP = {exhibit.id for exhibit in REGISTRY.exhibits.values() if exhibit.tcp}
ENVIRONMENT = {"PATH", "LANG", "PYTHONPATH", "ZOO_RUN", "ZOO_FAMILY", "ZOO_ECHO", "ZOO_START"}


@pytest.fixture(scope="module")
def compose() -> Iterator[Compose]:
    """Start a zoo in containers, every service healthy. A test that breaks it mends it."""
    need_engine()
    made = Compose()
    try:
        with one_build_at_a_time():
            made.ok("build")
        # Nothing may be fetched from here on.
        made.ok("up", "--wait", "--no-build", "--pull", "never")
        yield made
    finally:
        made.ok("--profile", "*", "down", "-v")
    assert not made.leftovers()


# --- one set of files -----------------------------------------------------------------------------


def test_services_are_the_families_and_their_commands(compose: Compose) -> None:
    services = compose.config()
    assert set(services) == WITH_COMMAND | {*FRONTS, *FURTHER, "centre", "zoo"}
    profiles = {name: service.get("profiles", [""])[0] for name, service in services.items()}
    families = REGISTRY.families
    assert profiles == {n: families[n].group if n in families else "" for n in services} | {"zoo": "tools", **FURTHER}
    hosts = services["nginx"]["environment"]["ZOO_GATEWAYS"]
    made = Plan(Settings(ROOT, Path("/run/zoo"), compose=True, gateway_hosts=hosts), REGISTRY, [], [])
    for name in WITH_COMMAND:
        family = REGISTRY.families[name]
        argv = [family.command[0], *made.command(family)[1:]]  # natively Debian's php-fpm is called php-fpm8.2
        assert services[name]["command"] == [word.replace(str(ROOT), "/zoo") for word in argv], name
        assert services[name]["environment"] == {"ZOO_FAMILY": name}
        assert services[name].get("stop_signal", "SIGTERM") == f"SIG{family.stop_signal}", name
        assert (services[name].get("network_mode") == "none") == (name not in ON_TCP), name


def test_every_cell_answers_from_outside(compose: Compose) -> None:
    for exhibit, front in CELLS:
        assert compose.get(exhibit, front, "hello").content == b"Hello from the Gateway Zoo\n", (exhibit, front)
        assert compose.get(exhibit, front, "ping").content == b"pong\n", (exhibit, front)
        facts = compose.get(exhibit, front, "status?json&full").json()
        assert (facts["exhibit"], facts["front"], facts["user"]) == (exhibit, front, "www-data")
        assert facts["pid"] in [row["pid"] for row in facts["processes"]], (exhibit, front)
        family = REGISTRY.family_of(exhibit)
        assert facts["container"] == (front if front == family.runs_in else family.id), (exhibit, front)


def test_first_page_has_curl_lines_that_work(compose: Compose) -> None:
    for port in (compose.ports[front] for front in FRONTS):
        page = requests.get(f"http://127.0.0.1:{port}/", timeout=10).text
        assert f"curl http://127.0.0.1:{port}/fastcgi/hello" in page


@pytest.mark.parametrize("words", [["check"], ["compare", "cgi", "fastcgi", "uwsgi", "asgi", "mod_wsgi"]])
def test_the_keeper_inside_is_content(compose: Compose, words: list[str]) -> None:
    done = compose.zoo(*words)
    assert done.returncode == 0, done.stdout + done.stderr


LEFT_TO_COMPOSE = {
    "ps": "docker compose exec SERVICE zoo ps",
    "top --json": "docker compose exec SERVICE zoo top",
    "test": "./zoo test",
    "logs": "docker compose logs",
    "restart fastcgi": "docker compose restart fastcgi",
    "restart uwsgi-http": "docker compose restart uwsgi",
    "restart mod_wsgi": "docker compose restart apache",
    "up": "docker compose up",
    "down": "docker compose down",
    "record": "docker compose exec centre zoo record",
}


def test_what_compose_does_is_left_to_compose(compose: Compose) -> None:
    """All in one container: to start a container takes longer than a command in it."""
    script = "".join(f"zoo {words} 2>&1 >/dev/null; echo exit $?; printf '\\0'\n" for words in LEFT_TO_COMPOSE)
    errors = compose.ok("run", "--rm", "-T", "--entrypoint", "bash", "zoo", "-c", script).split("\0")[:-1]
    seen = {
        words: (error.endswith("exit 3\n"), hint in error)
        for (words, hint), error in zip(LEFT_TO_COMPOSE.items(), errors, strict=True)
    }
    assert seen == dict.fromkeys(LEFT_TO_COMPOSE, (True, True)), errors


@pytest.mark.parametrize("exhibit", ["scgi", "fastcgi-tcp"])
def test_the_wire_is_seen_from_where_its_sockets_are(compose: Compose, exhibit: str) -> None:
    """Directly, and behind a front of the container's own; in one container, as above."""
    script = "".join(f"zoo wire {exhibit} /hello {way} &&" for way in ("", "--via nginx", "--via apache")) + "true"
    seen = compose.ok("run", "--rm", "-T", "--entrypoint", "bash", "zoo", "-c", script)
    assert seen.count(f"SCRIPT_NAME = /{exhibit}") == seen.count("Hello from the Gateway Zoo") == 3, seen
    assert all(f"{front} to {exhibit})" in seen for front in FRONTS), seen


def test_a_request_is_followed_by_command_and_by_page(compose: Compose) -> None:
    """Also into Apache, through the real front."""
    url = f"http://localhost:{compose.centre}"
    page = requests.get(f"{url}/follow", headers={"Accept": "text/html"}, timeout=30).text
    headers = {"X-Zoo-Token": page.partition('name="zoo-token" content="')[2].partition('"')[0]}
    asked = {"cells": [["fastcgi", "nginx"], ["mod_wsgi", "apache"]], "endpoint": "/hello", "method": "GET"}
    by_page = requests.post(f"{url}/api/follow/send", json=asked, headers=headers, timeout=60).json()
    by_command = json.loads(compose.ok("run", "--rm", "-T", "zoo", "follow", "fastcgi", "mod_wsgi", "/hello", "--json"))
    for fastcgi, mod_wsgi in (by_page["ways"], by_command["ways"]):
        assert [moment["name"] for moment in fastcgi["moments"] if moment["ms"] is None] == []
        assert all(variable["origin"] for variable in fastcgi["wire"]["variables"])
        assert [row["role"] for row in fastcgi["program"]["family"]] == ["server"]
        assert mod_wsgi["program"]["report"]["exhibit"] == "mod_wsgi"
        assert mod_wsgi["wire"]["why"].startswith("the program lives inside Apache")
        assert all(way["decision"]["lines"] for way in (fastcgi, mod_wsgi))


def test_both_access_logs_and_the_apps_lines_reach_docker(compose: Compose) -> None:
    for front in FRONTS:
        request = compose.get("scgi", front, "hello").headers["X-Request-ID"]
        assert request in compose.ok("logs", front)
        eventually(lambda sought=request: sought in compose.ok("logs", "scgi"), 5, "the app's line")  # type: ignore[misc]


# --- what the keeper says of containers is true -----------------------------------------------------------------------


@pytest.mark.parametrize("front", FRONTS)
def test_config_is_the_file_that_the_front_reads(compose: Compose, front: str) -> None:
    shown = compose.zoo("config", front).stdout
    assert shown == compose.ok("exec", "-T", front, "cat", f"/run/zoo/{front}/local.conf")
    assert f"{compose.ports[front]}" in shown


def test_ls_has_the_published_addresses(compose: Compose) -> None:
    rows = {row["id"]: row["fronts"] for row in json.loads(compose.zoo("ls", "--json").stdout)}
    for exhibit, front in CELLS:
        assert rows[exhibit][front] == {"url": f"http://127.0.0.1:{compose.ports[front]}/{exhibit}"}
    assert rows["php-fpm"]["nginx"] == {
        "closed": "an optional part; docker compose --profile php up -d --wait opens it"
    }


def test_what_answers_is_open_and_all_that_is_said_of_it_is_for_containers(compose: Compose) -> None:
    """The profile php brings php-fpm, php-cgi and Apache's prefork; the other two Apaches stay away."""
    before = json.loads(compose.zoo("check", "--json").stdout)
    compose.ok("--profile", "php", "up", "--wait", "--no-build", "--pull", "never")
    try:
        done = compose.zoo("check", "--json")
        found = json.loads(done.stdout)
        assert (done.returncode, found["failed"]) == (0, 0), [c for c in found["cells"] if c["state"] == "failed"]
        states = {(cell["exhibit"], cell["front"]): cell["state"] for cell in found["cells"]}
        assert {front for _, front in states} == {*FRONTS, "apache-prefork"}
        assert states["php-fpm", "nginx"] == states["mod_php", "apache-prefork"] == states["php-cgi", "nginx"] == "ok"
        closed = {(c["exhibit"], c["front"]): c["why"] for c in found["cells"] if c["state"] == "closed"}
        assert found["closed"] == len(closed) < before["closed"]
        assert f"{len(closed)} closed" in compose.zoo("check").stdout, "the table counts the same"
        assert "docker compose --profile php up -d --wait apache-prefork" in closed["mod_php", "apache"]
        compose.ok("stop", "-t", "1", "php-fpm")
        missed = compose.zoo("doctor").stdout
        assert "docker compose --profile php up -d --wait php-fpm\n" in missed, missed
    finally:
        compose.ok("--profile", "php", "rm", "-fs", "php-fpm", "php-cgi", "apache-prefork")
    for front in FRONTS:
        index = requests.get(f"http://127.0.0.1:{compose.ports[front]}/", timeout=20).text
        assert "./zoo" not in index
    for why in closed.values():
        assert "./zoo" not in why, why


@pytest.mark.parametrize(
    ("services", "status"),
    [
        (["fastcgi", "scgi-tcp", "uwsgi"], 1),
        (["news-source", "uwsgi-micro-cache", "uwsgi-micro-timer"], 1),
        (["nginx"], 3),
        (["apache"], 3),
    ],
    ids=["gateways", "helpers", "nginx", "apache"],
)
def test_doctor_names_each_service_that_was_stopped(compose: Compose, services: list[str], status: int) -> None:
    compose.ok("stop", "-t", "1", *services)
    try:
        eventually(  # uwsgi-micro-timer is missed three seconds later, when its clock is stale
            lambda: not missing_in_doctor(compose, services, status), 60, f"a doctor that names {services}"
        )
    finally:
        compose.ok("up", "-d", "--wait", "--no-build", *services)
    eventually(lambda: compose.zoo("doctor").returncode == 0, 60, "a doctor without complaint")


def missing_in_doctor(compose: Compose, services: list[str], status: int) -> list[str]:
    """Services that the doctor does not name, or without a line that starts them; all after another exit status."""
    doctor = compose.zoo("doctor")
    lines = doctor.stdout.splitlines()
    named = {word for line in lines if " does not answer" in line for word in line.partition(" does not")[0].split()}
    started = {word for line in lines if line.startswith("    docker compose") for word in line.split()}
    return [service for service in services if doctor.returncode != status or service not in named & started]


def test_status_names_its_container_and_how_to_see_it(compose: Compose) -> None:
    for exhibit, front, service in (("fastcgi", "nginx", "fastcgi"), ("uwsgi-http", "apache", "uwsgi")):
        facts = compose.get(exhibit, front, "status?json").json()
        assert (facts["container"], facts["container_ps"]) == (service, f"docker compose exec {service} zoo ps")
        rows = json.loads(compose.ok("exec", "-T", service, "zoo", "ps", "--json"))
        assert facts["pid"] in [row["pid"] for row in rows], (exhibit, rows)
    for exhibit in ("cgi", "fcgid", "mod_wsgi", "mod_wsgi-embedded"):
        assert compose.get(exhibit, "apache", "status?json").json()["container"] == "apache", exhibit


@pytest.mark.parametrize("front", FRONTS)
def test_zoo_is_on_the_path_of_a_front(compose: Compose, front: str) -> None:
    for words in (
        ["check", "wsgi"],
        ["compare", "wsgi", "scgi"],
        ["wire", "uwsgi", "/hello"],
        ["doctor"],
        ["ls"],
        ["ps"],
    ):
        compose.ok("exec", "-T", front, "zoo", *words)
    assert "c10k.md" in compose.ok("exec", "-T", front, "ls", "/zoo/labs")
    alone = compose.run("exec", "-T", "fastcgi", "zoo", "check")
    assert (alone.returncode, "docker compose run --rm zoo" in alone.stderr) == (3, True), alone.stderr


def test_an_image_of_other_files_is_named(compose: Compose) -> None:
    """The service `zoo` sees a checkout in which one file is another, as after an edit or `git pull`."""
    with checkout() as root:
        (root / "app/zoo_app.py").write_text("# edited\n", encoding="utf-8")
        (root / "notes.txt").write_text("a person's own\n", encoding="utf-8")
        seen = compose.run("--project-directory", str(root), "run", "--rm", "-T", "zoo", "check", "wsgi")
    assert (seen.returncode, "is not of this checkout: app/zoo_app.py; docker compose up" in seen.stderr) == (
        0,
        True,
    ), seen
    assert "checkout" not in compose.zoo("check", "wsgi").stderr
    assert "The image is of 20" in requests.get(f"http://127.0.0.1:{compose.ports['nginx']}/", timeout=20).text


# --- what dies and comes back ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "exhibit", "front"),
    [("fastcgi", "fastcgi", "nginx"), ("uwsgi", "uwsgi-scgi", "apache"), ("scgi-tcp", "scgi-tcp", "nginx"),
     ("wsgi-sync", "wsgi-sync", "apache"), ("apache", "mod_wsgi", "apache"), ("apache", "cgi", "apache"),
     ("apache", "fcgid", "apache"), ("nginx", "cgi", "nginx")],
)  # fmt: skip
def test_a_server_killed_from_the_host_comes_back(compose: Compose, service: str, exhibit: str, front: str) -> None:
    before = compose.inspect(service)
    kill = f"kill -9 {before['State']['Pid']}"
    # In the host's process namespace, as the servers' user: whoever may use Docker may do this, not only root.
    done = docker("run", "--rm", "--pid=host", "--network=none", "--entrypoint=sh", "gateway-zoo", "-c", kill)
    assert done.returncode == 0, done.stderr
    eventually(lambda: compose.inspect(service)["RestartCount"] == before["RestartCount"] + 1, 20, "a restart")
    eventually(lambda: compose.answers(exhibit, front), 20, f"{exhibit} answers again")


def test_a_stopped_gateway_is_named_and_started_as_the_page_says(compose: Compose) -> None:
    compose.ok("kill", "fastcgi")
    for front in FRONTS:
        answer = compose.get("fastcgi", front)
        assert answer.status_code in (502, 503), answer.text
        assert answer.text == "fastcgi does not answer. Start it with: docker compose up -d fastcgi\n"
        assert compose.answers("fastcgi-fork", front)
    compose.ok("up", "-d", "fastcgi")
    for front in FRONTS:
        eventually(lambda here=front: compose.answers("fastcgi", here), 10, "fastcgi answers again")  # type: ignore[misc]


@pytest.mark.parametrize("service", ["fastcgi", "uwsgi", "apache"])
def test_a_second_container_of_a_family_is_refused(compose: Compose, service: str) -> None:
    done = compose.run("run", "--rm", "-T", service)
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"{service} runs in another container already" in done.stderr
    exhibit = {"apache": "mod_wsgi"}.get(service, service)
    assert compose.answers(exhibit, "apache"), "the first one still has its socket"


# --- what must hold for every container -----------------------------------------------------------


def test_containers_may_do_little(compose: Compose) -> None:
    for service in STARTED | {*FRONTS, "centre"}:
        facts = compose.inspect(service)
        host, config = facts["HostConfig"], facts["Config"]
        assert config["User"] == "33:33", service
        assert host["ReadonlyRootfs"], service
        assert host["CapDrop"] == ["ALL"], service
        assert not host["CapAdd"], service
        assert not host["Privileged"], service
        assert host["SecurityOpt"] == ["no-new-privileges:true"], service
        assert host["Init"], service
        assert 0 < host["PidsLimit"] <= 512, service
        assert 0 < host["Memory"] <= 1 << 30, service
        assert host["RestartPolicy"]["Name"] == "unless-stopped", service
        assert facts["State"]["Health"]["Status"] in ("healthy", "starting"), service
        mounts = {(mount["Type"], mount["Destination"]) for mount in facts["Mounts"]}
        kept = {("volume", "/run/zoo/board")} if service == "asgi-board" else set()  # stickers survive their container
        assert mounts == {("volume", "/run/zoo/sock")} | kept, service
        addresses = [p["HostIp"] for ports in facts["NetworkSettings"]["Ports"].values() for p in ports or []]
        assert set(addresses) == ({"127.0.0.1"} if service in (*FRONTS, "centre") else set()), service


def test_the_visitor_centre_shows_and_asks_every_cell(compose: Compose) -> None:
    url = f"http://localhost:{compose.centre}"
    rows = [row for rows in requests.get(f"{url}/api/map", timeout=30).json()["protocols"].values() for row in rows]
    states = {(row["id"], front): cell["state"] for row in rows for front, cell in row["cells"].items()}
    assert {cell: states[cell] for cell in CELLS} == dict.fromkeys(CELLS, "answers")
    page = requests.get(f"{url}/exhibit/fastcgi", headers={"Accept": "text/html"}, timeout=30).text
    token = page.partition('name="zoo-token" content="')[2].partition('"')[0]
    cells = {"cells": [["fastcgi", "nginx"], ["cgi", "nginx"]], "requests": 4, "hold_ms": 100}
    crowds = requests.post(f"{url}/api/exhibit/crowd", json=cells, headers={"X-Zoo-Token": token}, timeout=60).json()
    assert [(crowd["exhibit"], len(crowd["failed"])) for crowd in crowds] == [("fastcgi", 0), ("cgi", 0)]
    assert compose.zoo("crowd", "fastcgi").returncode == 0
    families = requests.get(f"{url}/api/processes", timeout=60).json()["families"]
    roles = {family["name"]: [row["role"] for row in family["rows"]] for family in families}
    assert roles["fastcgi"] == ["server"]
    assert roles["wsgi-sync"] == ["master", *["worker"] * 4]


def test_the_visitor_centre_records_and_no_gateway_reaches_it(compose: Compose) -> None:
    url = f"http://localhost:{compose.centre}"
    page = requests.get(f"{url}/wire", headers={"Accept": "text/html"}, timeout=30).text
    headers = {"X-Zoo-Token": page.partition('name="zoo-token" content="')[2].partition('"')[0]}
    requests.post(f"{url}/api/wire/end", json={}, headers=headers, timeout=60)  # another test may have sent a request
    wire = requests.post(f"{url}/api/wire/start", json={}, headers=headers, timeout=60).json()
    try:
        assert wire["fronts"] == {front: f"http://127.0.0.1:{port}" for front, port in compose.wire.items()}
        for front, base in wire["fronts"].items():
            for exhibit in ("fastcgi", "scgi-tcp"):
                assert requests.get(f"{base}/{exhibit}/hello", timeout=30).text == "Hello from the Gateway Zoo\n"
            assert requests.get(f"{base}/fastcgi/status", timeout=30).status_code == 200, "this machine is near"
            assert front == "nginx" or "lives inside" in requests.get(f"{base}/mod_wsgi/hello", timeout=30).text
        rows = requests.get(f"{url}/api/wire/{wire['under_way']}/exchanges", timeout=30).json()
        assert [(row["front"], row["exhibit"]) for row in rows if row["target"].endswith("hello")] == [
            (front, exhibit) for front in FRONTS for exhibit in ("fastcgi", "scgi-tcp")
        ]
        assert compose.run("exec", "-T", "centre", "zoo", "record").returncode == 3, "its ports are taken"
        file = f"/run/zoo/recordings/{wire['under_way']}.jsonl"
        assert "1 of 1 as recorded" in compose.ok("exec", "-T", "centre", "zoo", "replay", file, "--only", "1")
        connect = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)"
        for network in compose.inspect("centre")["NetworkSettings"]["Networks"].values():
            for port in (8000, *compose.wire.values()):
                done = compose.run("exec", "-T", "scgi-tcp", "python", "-c", connect, network["IPAddress"], str(port))
                assert done.returncode == 1, (network, port, done.stdout)
    finally:
        ended = requests.post(f"{url}/api/wire/end", json={}, headers=headers, timeout=60).json()
    assert (ended["fronts"], ended["recordings"][0]["name"]) == ({}, wire["under_way"])


def test_the_visitors_container_may_do_little(compose: Compose) -> None:
    service = compose.config()["zoo"]
    assert (service["read_only"], service["cap_drop"], service["user"]) == (True, ["ALL"], "33:33")
    assert service["security_opt"] == ["no-new-privileges:true"]
    sockets, checkout = service["volumes"]
    assert (sockets["type"], sockets["target"]) == ("volume", "/run/zoo/sock")
    assert (checkout["type"], checkout["target"], checkout["read_only"]) == ("bind", "/checkout", True)
    assert not service.get("ports")


def test_gateways_are_told_nothing_more_than_natively(compose: Compose) -> None:
    for exhibit in ("cgi", "fastcgi", "scgi-tcp", "wsgi", "uwsgi"):
        pid = compose.get(exhibit, "nginx", "status?json").json()["ppid" if exhibit == "cgi" else "pid"]
        seen = compose.ok("exec", "-T", exhibit, "cat", f"/proc/{pid}/environ").split("\0")
        names = {line.partition("=")[0] for line in seen if line}
        assert names - {"PWD"} == ENVIRONMENT, exhibit  # fcgiwrap is started by sh, which adds PWD


def test_sockets_are_for_owner_and_group_only(compose: Compose) -> None:
    listing = compose.ok("exec", "-T", "nginx", "bash", "-c", "stat -c '%a %U:%G %F %n' . *")
    rows = [line.split(maxsplit=2) for line in listing.splitlines()]
    sockets = {what.split()[-1]: mode for mode, _, what in rows if what.startswith("socket")}
    assert {socket for name in STARTED for socket in REGISTRY.sockets(name)} <= set(sockets)
    assert set(sockets.values()) <= {"660", "700"}, sockets  # 700: Apache's own, to its daemons
    assert {owner for _, owner, _ in rows} == {"www-data:www-data"}
    assert rows[0][0] == "770", "the directory: for www-data alone, and for the root of apache-itk through the group"
    connect = "import socket; socket.socket(socket.AF_UNIX).connect('/run/zoo/sock/fastcgi.sock')"
    third = compose.run("exec", "-T", "--user", "1234:1234", "nginx", "python", "-c", connect)
    assert "PermissionError" in third.stderr


def test_gateways_on_tcp_are_reached_by_the_fronts_alone(compose: Compose) -> None:
    """And by what asks as a front does: the centre, and `zoo wire`."""
    connect = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)"
    for name in sorted(ON_TCP):
        address, _, port = compose.config()[name]["command"][-1].partition(":")
        for service in (*FRONTS, "centre"):
            compose.ok("exec", "-T", service, "python", "-c", connect, address, port)
        other = compose.run("exec", "-T", "scgi", "python", "-c", connect, address, port)
        assert other.returncode == 1, (name, other.stderr)
    here = [a.address for addresses in psutil.net_if_addrs().values() for a in addresses if a.family == socket.AF_INET]
    assert f"{compose.net}.1" in here, "this machine is on the fronts' bridge"
    assert [address for address in here if address.startswith(f"{compose.net}.")] == [f"{compose.net}.1"]


def test_a_class_gets_hello_and_our_containers_status(compose: Compose) -> None:
    """Published on an address that is not loopback, a stranger may look like the bridge. Containers do not."""
    elsewhere = f"{compose.net}.1"  # this machine on the bridge: no loopback, and yet nobody from outside comes there
    compose.ok("up", "--wait", "--no-deps", *FRONTS, env={"ZOO_BIND": elsewhere})
    try:
        for words in (["check", "fastcgi"], ["compare", "fastcgi"]):
            done = compose.run("run", "--rm", "-T", "zoo", *words, env={"ZOO_BIND": elsewhere})
            assert done.returncode == 0, done.stdout + done.stderr
        for port in (compose.ports[front] for front in FRONTS):
            base = f"http://{elsewhere}:{port}/fastcgi"
            hello = requests.get(f"{base}/hello", headers={"X-Zoo-Follow": "1"}, timeout=10)
            assert hello.status_code == 200
            assert not hello.headers["X-Request-ID"].startswith("follow")
            assert requests.get(f"{base}/status", timeout=10).status_code == 403
            assert f"curl {base}/hello\n" in requests.get(f"http://{elsewhere}:{port}/", timeout=10).text
    finally:
        compose.ok("up", "--wait", "--no-deps", *FRONTS)
    for front in FRONTS:
        assert compose.get("fastcgi", front, "status").status_code == 200


@pytest.mark.parametrize(
    ("bind", "host"),
    [("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("192.0.2.7", "192.0.2.7"), ("[2001:db8::1]", "[2001:db8::1]")],  # noqa: S104 - asserted to be refused
)
def test_the_bridge_is_near_only_behind_loopback(bind: str, host: str) -> None:
    environ = {"ZOO_COMPOSE": "1", "ZOO_NEAR": "127.0.0.1 10.9.9.0/25", "ZOO_BRIDGE": "10.9.9.1", "ZOO_RUN": "/run/zoo"}
    for loopback in ("127.0.0.1", "127.1.2.3", "[::1]", ""):
        assert read_settings(environ | {"ZOO_BIND": loopback}).status_refused_to == "", loopback
    made = read_settings(environ | {"ZOO_BIND": bind})
    assert (made.status_allowed_from, made.status_refused_to, made.host) == ("127.0.0.1 10.9.9.0/25", "10.9.9.1", host)


def test_a_bind_address_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="ZOO_BIND=nonsense: expected an address"):
        read_settings({"ZOO_BIND": "nonsense", "ZOO_RUN": "/run/zoo"})


# --- Apache's other process models, and TLS -------------------------------------------------------


def test_the_other_mpms_are_profiles(compose: Compose) -> None:
    """Side by side on ports of their own; ITK with the only root of the zoo, who has two capabilities."""
    compose.ok("--profile", "mpm", "--profile", "itk", "up", "--wait", "--no-deps", *FURTHER)
    try:
        facts = {front: compose.get("mod_wsgi-embedded", front, "status?json").json() for front in FURTHER}
        assert {front: (f["front"], f["multithread"]) for front, f in facts.items()} == {
            "apache-prefork": ("apache-prefork", False),
            "apache-worker": ("apache-worker", True),
            "apache-itk": ("apache-itk", False),
        }
        table = compose.zoo("compare", "--mpm", "--json")
        assert table.returncode == 0, table.stderr
        seen = {row["mpm"]: row for row in json.loads(table.stdout)["mpms"]}
        assert set(seen) == {"event", "prefork", "worker", "itk"}
        assert (seen["itk"]["parent"], seen["itk"]["children"]) == ("root", "a user per virtual host")
        itk(compose)
    finally:
        compose.ok("--profile", "mpm", "--profile", "itk", "rm", "-sf", *FURTHER)


def itk(compose: Compose) -> None:
    host = compose.inspect("apache-itk")["HostConfig"]
    assert (host["CapDrop"], sorted(host["CapAdd"])) == (["ALL"], ["SETGID", "SETUID"])
    assert host["ReadonlyRootfs"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    url = f"http://127.0.0.1:{compose.ports['apache-itk']}"
    for name, user in (("localhost", "www-data"), ("games.localhost", "games")):
        answer = requests.get(f"{url}/mod_wsgi-embedded/status?json", headers={"Host": name}, timeout=30)
        assert answer.json()["user"] == user
    closed = requests.get(f"{url}/mod_wsgi/hello", timeout=30)
    assert (closed.status_code, "would stay root under ITK" in closed.text) == (404, True)


@pytest.mark.parametrize("group", plans.groups(REGISTRY))
def test_an_optional_group_is_a_profile(compose: Compose, group: str) -> None:
    ids = [e.id for e in REGISTRY.exhibits.values() if REGISTRY.family_of(e.id).group == group]
    services = sorted({n for n in WITH_COMMAND if REGISTRY.families[n].group == group})
    compose.ok("--profile", group, "up", "--wait", "--no-deps", *services)
    try:
        done = compose.zoo("check", *ids, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        answered = {row["exhibit"] for row in json.loads(done.stdout)["cells"] if row["state"] == "ok"}
        assert answered == {id for id in ids if not REGISTRY.family_of(id).mpm}
    finally:
        compose.ok("--profile", group, "rm", "-sf", *services)


def test_both_fronts_speak_tls_with_one_authority(compose: Compose, tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    authority.write_text(compose.ok("exec", "-T", "nginx", "cat", "/run/zoo/sock/tls/ca.pem"), encoding="ascii")
    for front in FRONTS:
        url = f"https://localhost:{compose.ports[front] + TLS}/fastcgi/status?json"
        assert requests.get(url, verify=str(authority), timeout=30).json()["url_scheme"] == "https"


def test_stickers_outlive_their_container(compose: Compose) -> None:
    for front in FRONTS:
        url = f"http://127.0.0.1:{compose.ports[front]}/asgi-board/stickers"
        assert requests.post(url, json={"text": f"kept behind {front}"}, timeout=30).status_code == 201
    compose.ok("rm", "-sf", "asgi-board")
    compose.ok("up", "--wait", "--no-deps", "asgi-board")
    eventually(lambda: compose.answers("asgi-board", "nginx"), 20, "the board answers again")
    kept = compose.get("asgi-board", "apache", "board").text
    assert all(f"kept behind {front}" in kept for front in FRONTS)


def test_news_come_four_ways(compose: Compose) -> None:
    done = compose.zoo("news", "asgi", "fastcgi-tcp", "mod_wsgi", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
