"""The zoo in the places that people have: odd paths, closed directories, lost run bits, a module that ends its front.

Each test asks as such a person would, of a copy of the checkout; the .venv is a link to the one under test.
"""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from own_checkout import checkout, zoo_of
from zoo_in_test import Zoo, slow

#: A server for each reader of paths: uWSGI's ini, gunicorn's configuration and script, mod_cgid and fcgiwrap,
#: mod_fcgid, mod_wsgi in both modes, files that the fronts send.
READERS = ("uwsgi-monolith", "uwsgi-micro", "wsgi", "wsgi-waitress", "cgi", "fcgid", "mod_wsgi", "mod_wsgi-embedded")
#: Every printable sign of ASCII, and a tab.
SIGNS = "Web 2026 [a] $HOME \\e \"b\" 'c' %d#;&|<>~!^=,@+{}()*?`: \t-"
OUTSIDE_ASCII = "Kürs 课程 😀 e\u0301 עברית"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user or mounts")


def told(done: subprocess.CompletedProcess[str]) -> str:
    """All that a command said, its wrapped lines joined."""
    return " ".join((done.stdout + done.stderr).split())


def moved(root: Path, name: str) -> Path:
    """The same checkout under another name, one directory deeper."""
    place = root / "in" / name
    place.mkdir(parents=True)
    for path in [path for path in root.iterdir() if path.name != "in"]:
        path.rename(place / path.name)
    return place


@pytest.mark.slow
@pytest.mark.parametrize("name", [SIGNS, *slow(OUTSIDE_ASCII)])
def test_starts_whatever_the_path_of_the_checkout(name: str) -> None:
    with checkout() as root, zoo_of(moved(root, name)) as zoo:
        done = zoo.cli("up", "-d", *READERS, env={"LANG": "C", "LC_ALL": "C"})
        assert done.returncode == 0, done.stderr + zoo.logs()
        assert {exhibit for exhibit, _ in zoo.open_cells()} == set(READERS)
        checked = zoo.cli("check", *READERS)
        assert checked.returncode == 0, checked.stdout
        assert zoo.cli("restart", "wsgi").returncode == 0
        assert "Hello" in zoo.cli("wire", "cgi", "--program", "/hello").stdout
        assert zoo.cli("doctor").returncode in (0, 1)


@pytest.mark.parametrize(("name", "named"), [(b"new\nline", "line end"), (b"latin \xfc", "0xfc")])
def test_refuses_what_no_server_can_hold(name: bytes, named: str) -> None:
    with checkout() as root:
        place = moved(root, os.fsdecode(name))
        with zoo_of(place) as zoo:
            for word in ("up", "doctor"):
                done = zoo.cli(word)
                assert done.returncode == 3
                assert named in done.stdout + done.stderr


@pytest.mark.parametrize("sign", [" ", *slow("$", "ü", ":", "[")])
def test_names_the_sign_in_the_run_directory(sign: str) -> None:
    with Zoo() as zoo:
        for word in ("up", "doctor"):
            done = zoo.cli(word, env={"ZOO_RUN": f"{zoo.run}/a{sign}b"})
            assert done.returncode == 3
            assert ascii(sign) in done.stdout + done.stderr
            assert not list(zoo.run.iterdir())


# --- run bits ---------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_puts_lost_run_bits_back() -> None:
    with checkout() as root, zoo_of(root) as zoo:
        (root / "cgi_bin/app.cgi").chmod(0o644)
        assert f"chmod +x {root}/cgi_bin/app.cgi" in told(zoo.cli("doctor"))
        done = zoo.cli("up", "-d", "cgi")
        assert "run bits put back" in done.stderr
        assert zoo.get("cgi", "nginx").text == zoo.get("cgi", "apache").text == "pong\n"


@needs_root
def test_closes_cgi_where_no_program_may_run() -> None:
    with checkout() as root, zoo_of(root) as zoo:
        mount = f"mount --bind {root} {root} && mount -o remount,bind,noexec {root}"
        done = in_own_mounts(zoo, mount, "up", "-d", "cgi", "scgi")
        assert "noexec" in told(done)
        assert zoo.open_cells() == [("scgi", "nginx"), ("scgi", "apache")]


# --- who may read -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@needs_root
def test_one_cure_suffices_after_a_clone_with_umask_077() -> None:
    with checkout() as root, zoo_of(root) as zoo:
        subprocess.run(["chmod", "-R", "go=", str(root)], check=True)
        (cure,) = {cure_of(zoo.cli(word)) for word in ("up", "doctor")}
        assert cure == f"chmod -R a+rX {root}"
        for words in (["ls"], ["check"], ["ps"], ["logs"], ["down"], ["wire", "cgi", "--program", "/hello"]):
            done = zoo.cli(*words)
            assert "Traceback" not in done.stderr, words
        subprocess.run(shlex.split(cure), check=True)
        assert zoo.cli("up", "-d", "cgi", "wsgi").returncode == 0
        assert zoo.cli("check", "cgi", "wsgi").returncode == 0


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory that only root may enter, as /root is."""
    path = Path(tempfile.mkdtemp(prefix="zh", dir="/tmp"))
    yield path
    subprocess.run(["rm", "-rf", str(path)], check=True)


@needs_root
def test_no_cure_opens_a_home(home: Path) -> None:
    with checkout() as root:
        place = home / "zoo"
        root.rename(place)
        root.mkdir()
        with zoo_of(place) as zoo:
            (cure,) = {cure_of(zoo.cli(word)) for word in ("up", "doctor")}
            copy, opened, started = cure.split(" && ")
            assert copy.startswith(f"cp -r {place} /opt/gateway-zoo")
            assert opened == f"chmod -R a+rX {copy.split()[-1]}"
            assert started == f"{copy.split()[-1]}/zoo up"
            assert home.stat().st_mode & 0o777 == 0o700


def cure_of(done: subprocess.CompletedProcess[str]) -> str:
    """The command that `up` or `doctor` advises."""
    assert done.returncode == 3, done.stdout + done.stderr
    return told(done).split("the user of the servers")[1].lstrip("; ")


# --- a module that ends its front -------------------------------------------------------------------------------------


@pytest.mark.slow
@needs_root
def test_closes_only_what_ends_apache() -> None:
    """mod_fcgid needs shared memory; a module that is junk is not even loaded."""
    with Zoo() as zoo, tempfile.NamedTemporaryFile() as junk:
        shm = "mount -t tmpfs -o ro none /dev/shm"
        module = f"mount --bind {junk.name} /usr/lib/apache2/modules/mod_wsgi.so"
        done = in_own_mounts(zoo, f"{shm} && {module}", "up", "-d", "fcgid", "mod_wsgi", "cgi", "scgi")
        assert done.returncode == 0, done.stderr + zoo.logs()
        assert "closed: fcgid: apache does not start with it: (30)Read-only file system" in told(done)
        assert "closed: mod_wsgi: apache does not start with it: Cannot load" in told(done)
        assert {exhibit for exhibit, front in zoo.open_cells() if front == "apache"} == {"cgi", "scgi"}
        assert zoo.get("scgi", "apache").text == "pong\n"
        zoo.down()
        said = told(in_own_mounts(zoo, shm, "doctor"))
        assert "Can't create shared memory" in said


@pytest.mark.slow
def test_a_mistake_in_a_fragment_closes_its_cage() -> None:
    with checkout() as root, zoo_of(root) as zoo:
        for front in ("nginx", "apache"):
            with (root / front / "cages/scgi.conf").open("a", encoding="utf-8") as fragment:
                fragment.write("\nProxyPas on;\n")
        done = zoo.cli("up", "-d", "cgi", "scgi")
        assert done.returncode == 0, done.stderr
        assert "mend nginx/cages/scgi.conf" in told(done)
        assert "mend apache/cages/scgi.conf" in told(done)
        assert zoo.open_cells() == [("cgi", "nginx"), ("cgi", "apache")]


@needs_root
def test_a_front_that_never_starts_is_closed() -> None:
    with Zoo() as zoo, tempfile.NamedTemporaryFile() as junk:
        mount = f"mount --bind {junk.name} /usr/lib/apache2/modules/mod_macro.so"
        done = in_own_mounts(zoo, mount, "up", "-d", "scgi")
        assert done.returncode == 0, done.stderr
        assert "closed: apache: apache does not start" in told(done)
        assert zoo.open_cells() == [("scgi", "nginx")]


def in_own_mounts(zoo: Zoo, mount: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of the zoo after a mount that only it sees."""
    script = f'{mount} && exec sh "$0" "$@"'
    argv = ["unshare", "-m", "sh", "-c", script, str(zoo.root / "zoo"), *words]
    return subprocess.run(argv, env=zoo.env, capture_output=True, text=True, timeout=120, check=False, cwd="/")
