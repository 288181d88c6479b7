"""The image of a damaged checkout: carriage returns, no run bits, a strict umask.

Git for Windows writes CRLF, a ZIP or a FAT stick keeps no run bit, and umask 077 keeps all other users from reading.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker_engine import need_engine, one_build_at_a_time
from own_checkout import checkout
from zoo_in_test import ROOT

from gateway_zoo.keeper import image

pytestmark = pytest.mark.docker

#: Keys of docker-compose.yml, all older than Compose 2.20 (July 2023): nothing newer may be needed.
OLD_ENOUGH = {
    *(
        "build",
        "cap_add",
        "cap_drop",
        "command",
        "dns_opt",
        "entrypoint",
        "environment",
        "healthcheck",
        "image",
        "init",
    ),
    *(
        "logging",
        "mem_limit",
        "network_mode",
        "networks",
        "pids_limit",
        "ports",
        "profiles",
        "pull_policy",
        "read_only",
    ),
    *("restart", "security_opt", "stop_grace_period", "tmpfs", "user", "volumes"),
}
HEALTHCHECK = {
    "test",
    "interval",
    "timeout",
    "start_period",
    "disable",
}  # start_interval came with 2.20.2 and engine 25


@pytest.fixture(scope="module")
def spoilt() -> Iterator[str]:
    """The name of an image built from a spoilt copy of this checkout."""
    need_engine()
    name = f"zoo-test-spoilt-{os.getpid()}"
    with checkout() as root:
        for path in filter(Path.is_file, root.rglob("*")):
            data = path.read_bytes()
            path.write_bytes(data if b"\0" in data else data.replace(b"\n", b"\r\n"))
            path.chmod(0o600)
        (root / ".dockerignore").write_bytes((ROOT / ".dockerignore").read_bytes().replace(b"\n", b"\r\n"))
        (root / ".venv").unlink()
        argv = ["docker", "build", "-q", "-t", name, str(root)]
        with one_build_at_a_time():
            done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    try:
        yield name
    finally:
        subprocess.run(["docker", "rmi", "-f", name], check=True, capture_output=True)


def inside(name: str, script: str) -> str:
    """Run a script in a container of this image, as the servers' user; return its output."""
    argv = ["docker", "run", "--rm", "--network=none", "--entrypoint=bash", name, "-c", script]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_no_carriage_return_is_left(spoilt: str) -> None:
    found = inside(spoilt, "grep -rlI $'\\r$' /zoo || true")
    assert found == ""


def test_programs_run_and_everybody_may_read(spoilt: str) -> None:
    for program in ("zoo", "docker/healthy", "docker/zoo", "cgi_bin/app.cgi", "php/app.cgi"):
        inside(spoilt, f"test -x /zoo/{program}")
    assert inside(spoilt, "find /zoo ! -readable -o -type d ! -executable") == ""
    environment = (
        "SCRIPT_NAME=/cgi PATH_INFO=/hello REQUEST_METHOD=GET SERVER_NAME=x SERVER_PORT=1 SERVER_PROTOCOL=HTTP/1.1"
    )
    assert "Hello from the Gateway Zoo" in inside(spoilt, f"PYTHONPATH=/zoo/app {environment} /zoo/cgi_bin/app.cgi")
    assert "exhibit" in inside(spoilt, "zoo ls")


def test_it_is_known_to_be_of_the_same_files(spoilt: str) -> None:
    """Line ends make no other zoo."""
    assert image.differing(json.loads(inside(spoilt, "cat /opt/zoo/image.json")), ROOT) == []


def test_compose_needs_no_newer_version_than_we_say() -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("ZOO_", "COMPOSE_"))}
    argv = ["docker", "compose", "--profile", "*", "config", "--format", "json"]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no Compose: {done.stderr}")
    services = json.loads(done.stdout)["services"]
    assert {key for service in services.values() for key in service} <= OLD_ENOUGH
    assert {key for service in services.values() for key in service.get("healthcheck", {})} <= HEALTHCHECK
