"""The launcher and .venv on real people's machines: links, moved checkouts, a .venv that is not ours, settings.

A copy of the checkout whose lock file names no package is enough for most: making its .venv takes two seconds and no
network, and everything but pip's part is real. Where a command must run, the copy has a link to our own .venv.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from own_checkout import checkout
from zoo_in_test import ROOT, Zoo, slow

from gateway_zoo import set_up

SYSTEM_PYTHON = "/usr/bin/python3"  # the first that `zoo` takes

pytestmark = pytest.mark.skipif(
    subprocess.run([SYSTEM_PYTHON, "-I", "-c", "import ensurepip"], capture_output=True, check=False).returncode != 0,
    reason=f"{SYSTEM_PYTHON} has no venv",
)


@pytest.fixture
def bare() -> Iterator[Path]:
    """A checkout without .venv, and without packages to install."""
    with checkout() as root:
        (root / ".venv").unlink()
        (root / "requirements.lock").write_text("# nothing\n", encoding="utf-8")
        yield root


def zoo(root: Path, *words: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "ZOO_RUN": str(root / "run")} | (env or {})
    command = [str(root / "zoo"), *(words or ("--help",))]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)


def made(root: Path, env: dict[str, str] | None = None) -> str:
    """Run `zoo` where the lock file is empty: what the set-up said. The command itself then lacks its packages."""
    done = zoo(root, env=env)
    assert (root / ".venv" / set_up.MARK).read_text().splitlines() == set_up.facts(root / ".venv"), done.stderr
    assert "No module named" in done.stderr, done.stderr
    return done.stderr.partition("Traceback")[0]


# --- whose .venv is it? -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_each_step_says_one_line(bare: Path) -> None:
    lines = made(bare).splitlines()
    assert [line.partition(":")[2].strip()[:11] for line in lines] == ["step 1 of 2", "step 2 of 2"], lines
    assert made(bare) == "", "made again, though nothing had changed"


def persons_venv(venv: Path) -> None:
    (venv / "bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text("home = /usr/bin\n")


def persons_venv_with_a_lock_of_its_own(venv: Path) -> None:
    persons_venv(venv)
    (venv / "requirements.lock").write_text("django==5.2\n")


def a_file(venv: Path) -> None:
    venv.write_text("thesis")


def a_link(venv: Path) -> None:
    persons_venv(venv.with_name("elsewhere"))
    venv.symlink_to("elsewhere")


@pytest.mark.parametrize("make", [persons_venv, *slow(persons_venv_with_a_lock_of_its_own, a_file, a_link)])
def test_what_the_zoo_did_not_make_stays(bare: Path, make: object) -> None:
    venv = bare / ".venv"
    make(venv)  # type: ignore[operator]
    if venv.is_dir():
        (venv / "thesis.txt").write_text("precious")
    before = sorted(bare.rglob("*"))
    done = zoo(bare, "ls")
    assert (done.returncode, str(venv) in done.stderr, "Traceback" in done.stderr) == (3, True, False), done.stderr
    assert sorted(path for path in bare.rglob("*") if "__pycache__" not in path.parts) == before


@pytest.mark.slow
def test_an_empty_folder_is_taken(bare: Path) -> None:
    (bare / ".venv").mkdir()
    assert "step 1" in made(bare)


@pytest.mark.slow
@pytest.mark.parametrize("left", ["half of it", *slow("nothing but the mark")])
def test_an_interrupted_set_up_is_known_as_ours(bare: Path, left: str) -> None:
    (bare / ".venv").mkdir()
    (bare / ".venv" / set_up.MARK).touch()
    if left == "half of it":
        persons_venv(bare / ".venv")
    assert "step 1" in made(bare)


def test_a_venv_from_before_the_mark_is_known_by_its_lock(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    persons_venv(bare / ".venv")
    lock = shutil.copy(bare / "requirements.lock", bare / ".venv")
    assert not set_up.is_ours(bare / ".venv")
    digest = hashlib.sha256(Path(lock).read_bytes()).hexdigest()
    monkeypatch.setattr(set_up, "LOCKS_BEFORE_THE_MARK", {digest})
    assert set_up.is_ours(bare / ".venv")


@pytest.mark.slow
def test_a_venv_from_before_the_mark_that_fits_is_kept(bare: Path) -> None:
    made(bare)
    (bare / ".venv" / set_up.MARK).unlink()
    assert set_up.adopt(bare, bare / ".venv")
    assert set_up.fits(bare, bare / ".venv")


def moved(root: Path) -> Path:
    return root.rename(root.with_name(root.name + "-moved"))


def without_its_python(root: Path) -> Path:
    for path in (root / ".venv" / "bin").glob("python*"):
        path.unlink()
    (root / ".venv" / "bin" / "python").symlink_to("/nonexistent/python3")
    return root


def with_another_python(root: Path) -> Path:
    other = root / "python-of-yesterday"
    other.write_text("#!/bin/sh\nexit 1\n")
    other.chmod(0o755)
    (root / ".venv" / "bin" / "python").unlink()
    (root / ".venv" / "bin" / "python").symlink_to(other)
    return root


def with_another_lock(root: Path) -> Path:
    (root / "requirements.lock").write_text("# nothing, once more\n")
    return root


@pytest.mark.slow
@pytest.mark.parametrize("change", [with_another_lock, *slow(moved, without_its_python, with_another_python)])
def test_a_venv_that_only_looks_good_is_made_again_in_one_line(bare: Path, change: object) -> None:
    made(bare)
    now = change(bare)  # type: ignore[operator]
    try:
        again = [line for line in made(now).splitlines() if "again" in line]
        assert len(again) == 1, again
        assert again[0].startswith(f"zoo: making {now}/.venv again: "), again
        assert made(now) == ""
    finally:
        now.rename(bare)


@pytest.mark.slow
def test_two_at_once_make_one(bare: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
    both = [subprocess.Popen([bare / "zoo", "--help"], env=environ, stderr=subprocess.PIPE, text=True) for _ in "ab"]
    said = [process.communicate(timeout=120)[1] for process in both]
    assert sorted("step 1" in words for words in said) == [False, True], said


# --- where `zoo` stands -----------------------------------------------------------------------------------------------


def test_a_link_to_zoo_works_and_makes_nothing_beside_itself(tmp_path: Path) -> None:
    home = tmp_path / "home" / "bin"
    home.mkdir(parents=True)
    (home / "zoo").symlink_to(ROOT / "zoo")
    (home / "again").symlink_to("zoo")
    (home / ".venv").mkdir()
    (home / ".venv" / "thesis.txt").write_text("precious")
    for name in ("zoo", "again"):
        done = subprocess.run([home / name, "--help"], capture_output=True, text=True, check=False, cwd="/")
        assert (done.returncode, done.stderr) == (0, "")
    by_path = {"PATH": f"{home}:{os.environ['PATH']}"}
    done = subprocess.run(["zoo", "--help"], env=by_path, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in home.rglob("*")) == [".venv", "again", "thesis.txt", "zoo"]


def test_a_zoo_that_lost_its_run_bit_is_started_by_sh() -> None:
    with checkout() as root:
        (root / "zoo").chmod(0o644)
        done = subprocess.run(["sh", "zoo", "--help"], cwd=root, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("options", [["core.autocrlf=true"], ["core.autocrlf=false", "core.eol=crlf"]], ids=" ".join)
def test_a_clone_has_unix_line_ends_whatever_git_is_told(tmp_path: Path, options: list[str]) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    words = [word for option in options for word in ("-c", option)]
    clone = ["git", "clone", "-q", *words, str(ROOT), str(tmp_path / "clone")]
    environ = os.environ | {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
    subprocess.run(clone, env=environ, check=True)
    files = [path for path in (tmp_path / "clone").rglob("*") if path.is_file() and ".git" not in path.parts]
    assert len(files) > 300
    assert [path for path in files if b"\r\n" in path.read_bytes() and b"\0" not in path.read_bytes()] == []


# --- settings of Python and pip ---------------------------------------------------------------------------------------


def trap(folder: Path) -> Path:
    """A folder whose modules leave a trace when they are imported."""
    (folder / "modules").mkdir()
    for name in ("rich", "typer", "sitecustomize", "usercustomize", "msgspec", "socket"):
        (folder / "modules" / f"{name}.py").write_text(f"open({str(folder / 'imported')!r}, 'a').write({name!r})\n")
    return folder


@pytest.mark.parametrize("name", ["PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONINSPECT", "PYTHONSTARTUP"])
def test_no_setting_of_python_reaches_a_command(name: str) -> None:
    with Zoo() as idle:
        trap(idle.run)
        done = idle.cli("ls", env={name: str(idle.run / "modules")})
        assert (done.returncode, done.stderr) == (0, "")
        assert not (idle.run / "imported").exists()


@pytest.mark.slow
def test_nor_the_set_up(bare: Path, tmp_path: Path) -> None:
    folder = trap(tmp_path)
    made(bare, env={"PYTHONPATH": str(folder / "modules"), "PIP_TARGET": str(tmp_path), "PIP_REQUIRE_VIRTUALENV": "x"})
    assert not (folder / "imported").exists()


def test_the_folder_of_the_shell_is_on_no_path(tmp_path: Path) -> None:
    trap(tmp_path)
    done = subprocess.run(
        [ROOT / "zoo", "--help"], cwd=tmp_path / "modules", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr, (tmp_path / "imported").exists()) == (0, "", False)


def test_pip_is_told_where_packages_come_from_and_nothing_else(tmp_path: Path) -> None:
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://pypi.university.example/simple\nproxy = http://proxy.university.example:3128\n"
        "user = true\nno-binary = :all:\nextra-index-url =\n    https://a.example/simple\n    https://b.example/simple\n"
        "[install]\ntarget = /somewhere\nconstraint = /etc/constraints.txt\n"
    )
    environ = {
        "HOME": str(tmp_path),
        "XDG_CONFIG_DIRS": str(tmp_path),
        "PIP_CONFIG_FILE": str(config),
        "PIP_CERT": "/etc/university.pem",
        "PIP_PRE": "1",
        "PIP_PREFIX": "/elsewhere",
        "PIP_REQUIREMENT": "/etc/passwd",
        "PYTHONPATH": str(tmp_path),
    }
    env = set_up.pip_environment(environ)
    told = {name: value for name, value in env.items() if name.startswith(("PIP_", "PYTHON"))}
    extra = told.pop("PIP_EXTRA_INDEX_URL").split()
    assert extra == ["https://a.example/simple", "https://b.example/simple"]
    known = {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "https://pypi.university.example/simple",
        "PIP_PROXY": "http://proxy.university.example:3128",
        "PIP_CONSTRAINT": "/etc/constraints.txt",
        "PIP_CERT": "/etc/university.pem",
    }
    assert {name: told.get(name) for name in known} == known
    assert not {"PIP_USER", "PIP_NO_BINARY", "PIP_TARGET", "PIP_PRE", "PIP_PREFIX", "PIP_REQUIREMENT"} & set(told)


@pytest.mark.slow
def test_pips_words_are_shown_when_it_fails(bare: Path) -> None:
    (bare / "requirements.lock").write_text("no-such-package==1.0 --hash=sha256:" + "0" * 64 + "\n")
    nowhere = {"PIP_NO_INDEX": "1"}
    done = zoo(bare, env=nowhere)
    assert done.returncode == 3
    assert "no-such-package==1.0" in done.stderr
    assert done.stderr.splitlines()[-1].startswith("zoo: pip could not install")
    (bare / "requirements.lock").write_text("# nothing\n")
    assert "step 2" in made(bare)


def test_a_wrong_zoo_python_is_named(bare: Path) -> None:
    done = zoo(bare, env={"ZOO_PYTHON": "/usr/bin/false"})
    assert (done.returncode, "ZOO_PYTHON=/usr/bin/false: expected Python 3.11 or newer with venv" in done.stderr) == (
        3,
        True,
    ), done.stderr


# --- what the terminal can show ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "utf-8", "cp437", "no-such-encoding", "latin-1:strict"])
def test_a_character_that_the_output_lacks_gets_a_substitute(encoding: str) -> None:
    """The word that was not understood comes back in the message."""
    done = subprocess.run(
        [ROOT / "zoo", "Zoß≠λ"], env=os.environ | {"PYTHONIOENCODING": encoding}, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"unknown command 'Zo" in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_closed_output_is_no_traceback() -> None:
    done = subprocess.run(["sh", "-c", f"{ROOT}/zoo --help >&-"], capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
