"""What the zoo leaves on the machine: who listens, who may connect, as whom it runs, what of the shell it takes."""

import contextlib
import os
import socket
import stat
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from raw_http import everywhere
from zoo_in_test import FRONTS, TCP_PORTS, TLS, Zoo, eventually, needs_sight, python_of, slow, words_of

from gateway_zoo.registry import cages

pytestmark = needs_sight

LISTENS = 0x10000  # __SO_ACCEPTCON, in the Flags column of /proc/net/unix
CANARY = "canary-3f9c51d2"


def sockets_of_the_cages(zoo: Zoo) -> set[str]:
    """Those of a plain start."""
    found = cages.load(zoo.root)
    return {name for family in found.families.values() if not family.group for name in found.sockets(family.id)}


def listening(zoo: Zoo) -> set[str]:
    """Paths of the unix sockets on which a process of this zoo listens; a socket without a name as `(unnamed)`."""
    mine = set()
    for process in zoo.processes():
        for entry in Path(f"/proc/{process.pid}/fd").glob("*"):
            try:
                kind, _, inode = os.readlink(entry).partition(":")
            except OSError:  # closed meanwhile
                continue
            if kind == "socket":
                mine.add(inode.strip("[]"))
    found = set()
    for line in Path("/proc/net/unix").read_text(encoding="utf-8").splitlines()[1:]:
        _, _, _, flags, _, _, inode, *path = line.split(maxsplit=7)
        if int(flags, 16) & LISTENS and inode in mine:
            found.add(path[0] if path else "(unnamed)")
    return found


def ask_every_cell(zoo: Zoo) -> None:
    """So that what starts on demand (mod_fcgid) has started."""

    def check(exhibit: str, front: str) -> None:
        assert zoo.get(exhibit, front).status_code == 200

    everywhere(zoo.open_cells(), check)


def test_nothing_listens_on_tcp_but_the_fronts_and_the_tcp_exhibits(zoo: Zoo) -> None:
    ask_every_cell(zoo)
    found = set()
    for process in zoo.processes():
        for connection in process.net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN or connection.type == socket.SOCK_DGRAM:
                found.add(tuple(connection.laddr))
    ports = {*zoo.ports.values(), *(port + TLS for port in zoo.ports.values())}
    ports |= {port + zoo.shift for port in TCP_PORTS}
    assert found == {("127.0.0.1", port) for port in ports}


def test_no_unix_socket_listens_that_is_not_on_the_list(zoo: Zoo) -> None:
    ask_every_cell(zoo)
    apache = zoo.session("apache")
    names = {
        *sockets_of_the_cages(zoo),
        f"apache-cgid.sock.{apache}",
        f"apache-wsgi.{apache}.u-1.1.sock",
        "keeper.sock",
    }
    found = listening(zoo)
    strange = [path for path in found if Path(path).name not in names and f"{zoo.run}/apache/fcgid/" not in path]
    assert not strange, strange
    assert names <= {Path(path).name for path in found}


def test_every_socket_is_closed_to_others_by_its_own_mode(zoo: Zoo) -> None:
    ask_every_cell(zoo)
    for path in (path for path in zoo.run.rglob("*") if path.is_socket()):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o007 == 0, f"{path}: {mode:o}"
        if path.name in sockets_of_the_cages(zoo):
            assert mode == 0o660, f"{path}: {mode:o}"
    for folder in (zoo.run, zoo.run / "sock", zoo.run / "logs"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o750, folder


CONNECT = """
import socket, sys
for path in sys.argv[1:]:
    try:
        socket.socket(socket.AF_UNIX).connect(path)
        print(path)
    except PermissionError:
        pass
"""


def test_a_third_user_reaches_no_socket(zoo: Zoo) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root to become a third user")
    paths = [str(path) for path in zoo.run.rglob("*") if path.is_socket()]
    assert len(paths) >= len(sockets_of_the_cages(zoo))
    as_nobody = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "/usr/bin/python3", "-c", CONNECT]
    done = subprocess.run([*as_nobody, *paths], capture_output=True, text=True, check=True)
    assert not done.stdout, f"nobody may connect to {done.stdout}"


def test_nothing_runs_as_root(zoo: Zoo) -> None:
    ask_every_cell(zoo)
    processes = zoo.processes()
    assert len(processes) > 20
    rooted = [(p.pid, words_of(p)) for p in processes if 0 in owners(p)]
    assert not rooted, rooted
    users = {cell: zoo.status(*cell)["user"] for cell in zoo.open_cells()}
    assert len(set(users.values())) == 1, users
    assert "root" not in users.values(), users


def owners(process: psutil.Process) -> tuple[int, ...]:
    """Its users and groups; none of a process that has just ended."""
    with contextlib.suppress(psutil.Error):
        return (*process.uids(), *process.gids())
    return ()


@pytest.mark.parametrize("name", ["ZOO_CANARY", *slow("AWS_SECRET_ACCESS_KEY")])
def test_nothing_of_the_shell_reaches_a_process(fresh_zoo: Zoo, name: str) -> None:
    canaries = dict.fromkeys((name, "HTTP_PROXY", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONSTARTUP", "BASH_ENV"), CANARY)
    zoo = fresh_zoo.up("--echo", env=canaries)
    ask_every_cell(zoo)
    # A CGI program lives as long as its request: hold one in both cells while we look.
    with ThreadPoolExecutor(2) as pool:
        for front in FRONTS:
            pool.submit(zoo.get, "cgi", front, "status?hold=1000")
        eventually(lambda: sum("app.cgi" in line for line in environments(zoo)) >= 2, 5, "two CGI programs at once")
        seen = environments(zoo)
    assert len(seen) > 20
    told = [line for line, environ in seen.items() if CANARY.encode() in environ]
    assert not told, told
    cells = [cell for cell in zoo.open_cells() if CANARY in zoo.get(*cell, "echo").text]
    assert not cells, cells


def environments(zoo: Zoo) -> dict[str, bytes]:
    """`pid command line` -> environment, of every process."""
    found = {}
    for process in zoo.processes():
        with contextlib.suppress(psutil.Error, OSError):  # gone meanwhile
            line = f"{process.pid} {' '.join(process.cmdline())}"
            found[line] = Path(f"/proc/{process.pid}/environ").read_bytes()
    return found


THREADS = ["fastcgi/serve.py", "threads", "fastcgi.sock"]


@pytest.mark.parametrize("argv", [THREADS, ["scgi/serve_modern.py", "scgi-modern.sock"]])
def test_a_live_socket_is_not_stolen(zoo: Zoo, argv: list[str]) -> None:
    exhibit = Path(argv[-1]).stem
    before = zoo.status(exhibit, "nginx")["pid"]
    done = start_by_hand(zoo, argv, zoo.run / "sock")
    assert done.returncode != 0
    assert f"{argv[-1]} is in use" in done.stderr
    assert zoo.status(exhibit, "nginx")["pid"] == before


def start_by_hand(zoo: Zoo, argv: list[str], where: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        by_hand(zoo, argv), cwd=where, env=by_hand_env(zoo), capture_output=True, text=True, timeout=20, check=False
    )


def by_hand(zoo: Zoo, argv: list[str]) -> list[str]:
    return [python_of(zoo.root), "-P", str(zoo.root / argv[0]), *argv[1:]]


def by_hand_env(zoo: Zoo) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(zoo.root / "app")}


def test_a_regular_file_in_the_way_stays(zoo: Zoo, tmp_path: Path) -> None:
    (tmp_path / "fastcgi.sock").write_text("precious", encoding="utf-8")
    done = start_by_hand(zoo, THREADS, tmp_path)
    assert done.returncode != 0
    assert "not a socket" in done.stderr
    assert (tmp_path / "fastcgi.sock").read_text(encoding="utf-8") == "precious"


def test_a_stale_socket_is_replaced(zoo: Zoo) -> None:
    with tempfile.TemporaryDirectory(prefix="zs", dir="/tmp") as folder:  # short, for the socket's path
        path = Path(folder) / "fastcgi.sock"
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
        assert not connects(path)
        argv, environ = by_hand(zoo, THREADS), by_hand_env(zoo)
        with subprocess.Popen(argv, cwd=folder, env=environ, stderr=subprocess.DEVNULL) as server:
            try:
                eventually(lambda: connects(path), 10, "the new server answers")
                assert stat.S_IMODE(path.stat().st_mode) == 0o660
            finally:
                server.terminate()


def connects(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as trial:
        return trial.connect_ex(str(path)) == 0
