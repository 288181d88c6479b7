"""Make .venv, which holds the Python servers. `zoo` starts this file with `python3 -I`: standard library only.

A .venv is the zoo's own if it has our mark, the file MARK. The mark is written first, so that an interrupted set-up is
known as ours. Its two lines, the place and the interpreter, are written last; `zoo` compares them at every command. A
.venv without the mark is a user's: the zoo names it, and removes nothing.

Of the user's settings pip gets only those that say where packages come from (index, proxy, certificates …): PIP_TARGET
or PIP_USER would install them elsewhere, PIP_PRE or PIP_NO_BINARY would install others.
"""

import configparser
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

MARK = "made-by-gateway-zoo"
#: SHA-256 of every requirements.lock from before there was a mark: a .venv with a copy of one of them is ours.
LOCKS_BEFORE_THE_MARK = {
    "47e2b0822c38b92330bbbc0f62c51f1ca239aa41491276055d3b4ae34b838a83",
    "547f2c233f78562550a7c391df954438e8a43e0147fdc23675afe7ab65bc171f",
    "89215c902e0fd36200fd8c8f88940aef264126f8e9a61c2355970a0d49bb32e8",
}
#: pip's options that say where packages come from, not which or whereto (pip's documentation, "Configuration").
SOURCES = (
    *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "constraint"),
    *("cert", "client-cert", "proxy", "keyring-provider", "use-feature", "timeout", "default-timeout", "retries"),
    *("cache-dir", "no-cache-dir"),
)


def main() -> int:
    """Make or adopt .venv; exit 3 with the reason if that fails. A second set-up waits for the first."""
    here = Path(__file__).resolve().parent.parent
    venv = here / ".venv"
    refuse_this_place(here, venv)
    os.umask(0o022)  # the servers' user must read it
    lock = os.open(here, os.O_RDONLY)  # the directory itself: no file is left behind
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        if not fits(here, venv) and not adopt(here, venv):
            make(here, venv)
    except OSError as error:
        fail(f"{error.filename or venv}: {error.strerror}; the zoo makes .venv there")
    except KeyboardInterrupt:
        fail("interrupted; the next command makes .venv again")
    return 0


def fail(text: str) -> NoReturn:
    print(f"zoo: {text}", file=sys.stderr)
    sys.exit(3)


def say(text: str) -> None:
    print(f"zoo: {text}", file=sys.stderr)


# --- is this place usable? --------------------------------------------------------------------------------------------


def refuse_this_place(here: Path, venv: Path) -> None:
    """Exit 3 where no .venv can be made, before anything is."""
    if wrong := cannot_hold(here) or (":" in str(here) and "a colon in it, where a search path would split it"):
        fail(f"the path {str(here)!a} has {wrong}; rename the directory")
    if not os.access(here, os.W_OK):
        fail(f"{here} cannot be written, and the zoo makes .venv there; use a copy of your own: cp -r {here} ~/zoo")
    if venv.is_symlink():
        fail(f"{venv} is a link, which the zoo did not make, to a .venv that does not fit; remove the link")
    if os.path.lexists(venv) and not is_ours(venv):
        fail(f"{venv} is not the zoo's, so it stays as it is; move it away (mv {venv} {here}/my-venv), and start again")
    if not _keeps_links(here):
        fail(f"the file system of {here} keeps no links (FAT?), which .venv needs; use a copy: cp -r {here} ~/zoo")


def cannot_hold(path: Path) -> str:
    """Say what in a path makes it useless to a server or to venv, and why; empty if it is usable."""
    if "\n" in str(path):
        return "a line end in it, which no configuration can hold"
    try:
        os.fsencode(path).decode("utf-8")
    except UnicodeDecodeError as error:
        return f"the byte {error.object[error.start]:#04x} in it, which is not UTF-8"
    return ""


def is_ours(venv: Path) -> bool:
    """Did the zoo make this .venv? True if it is empty, or has the mark or (older) a copy of our lock file."""
    if not venv.is_dir():
        return False
    if (venv / MARK).is_file() or not any(venv.iterdir()):
        return True
    copy = venv / "requirements.lock"
    return copy.is_file() and hashlib.sha256(copy.read_bytes()).hexdigest() in LOCKS_BEFORE_THE_MARK


def _keeps_links(here: Path) -> bool:
    with tempfile.TemporaryDirectory(prefix=".links-", dir=here) as trial:
        try:
            os.symlink("target", Path(trial) / "link")
        except OSError:
            return False
    return True


# --- an existing .venv ------------------------------------------------------------------------------------------------


def facts(venv: Path) -> list[str]:
    """The two lines of the mark: where the .venv is, and its real interpreter."""
    return [str(venv.resolve()), os.path.realpath(venv / "bin" / "python")]


def same_lock(here: Path, venv: Path) -> bool:
    copy = venv / "requirements.lock"
    return copy.is_file() and copy.read_bytes() == (here / "requirements.lock").read_bytes()


def fits(here: Path, venv: Path) -> bool:
    """Does .venv fit this place? The same check as `fits` in the script `zoo`."""
    try:
        marked = (venv / MARK).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    return marked == facts(venv) and os.access(venv / "bin" / "python", os.X_OK) and same_lock(here, venv)


def adopt(here: Path, venv: Path) -> bool:
    """Mark a .venv of a version without a mark, if it still fits: that needs no network."""
    config = venv / "pyvenv.cfg"
    if (venv / MARK).exists() or not config.is_file() or not same_lock(here, venv):
        return False
    lines = config.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    config_values = {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines)}
    place, python = facts(venv)
    if config_values.get("executable") != python or not config_values.get("command", "").endswith(f" {place}"):
        return False
    mark(venv)
    return True


def mark(venv: Path) -> None:
    text = "".join(f"{line}\n" for line in facts(venv))
    (venv / MARK).write_text(text, encoding="utf-8", errors="surrogateescape")


def why_again(here: Path, venv: Path) -> str:
    """Say why a .venv of the zoo does not fit; empty if there is none."""
    if not (venv / "pyvenv.cfg").is_file():
        return ""
    if not same_lock(here, venv):
        return "requirements.lock has changed, or it was not finished"
    was = (
        (venv / MARK).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        if (venv / MARK).exists()
        else []
    )
    if was[:1] != facts(venv)[:1]:
        return f"it was made in {was[0]}" if was else "it was made somewhere else"
    return "its Python has changed"


# --- making -----------------------------------------------------------------------------------------------------------


def make(here: Path, venv: Path) -> None:
    """Make .venv in two steps; `venv` keeps the files that it finds, so the mark outlives it."""
    if why := why_again(here, venv):
        say(f"making {venv} again: {why}")
    venv.mkdir(exist_ok=True)
    (venv / MARK).write_bytes(b"")  # the zoo's, and not finished
    for path in venv.iterdir():
        if path.name != MARK:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    say(f"step 1 of 2: making .venv with {sys.executable} (Python {sys.version.split()[0]})")
    if words := run([sys.executable, "-I", "-m", "venv", str(venv)], without_settings(os.environ)):
        fail(f"no .venv could be made:\n{words}")
    lock = here / "requirements.lock"
    say(f"step 2 of 2: installing {lock.read_text(encoding='utf-8').count('==')} Python packages into .venv")
    if words := pip_install(venv / "bin" / "python", lock):
        fail(f"{words}\nzoo: pip could not install the Python packages; is there a network, and room on the disk?")
    # A link instead of an installation: nothing goes stale, and the checkout itself is on no path.
    packages = next((venv / "lib").glob("python*/site-packages"))
    (packages / "gateway_zoo").symlink_to("../../../../gateway_zoo")
    # setuptools, which some packages want at their installation only, would run at every start of Python: each CGI
    # request would pay for it.
    (packages / "distutils-precedence.pth").unlink(missing_ok=True)
    shutil.copyfile(lock, venv / "requirements.lock")
    mark(venv)


def run(argv: list[str], env: dict[str, str]) -> str:
    """Run a program in silence. Returns the end of its output if it failed, else an empty text."""
    done = subprocess.run(
        argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    words = done.stdout.decode("utf-8", "replace")[-3000:].strip()
    return (words or f"exit {done.returncode}") if done.returncode else ""


def pip_install(python: Path, lock: Path) -> str:
    """Install the packages of a lock file, by their hashes. Returns pip's output if it failed, else an empty text."""
    argv = [str(python), "-I", "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes"]
    return run([*argv, "-r", str(lock)], pip_environment(os.environ))


def pip_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Remove the settings of pip and Python, but keep those that say where packages come from.

    pip's files are read here: `pip config list` obeys a user's `user = true`, and then shows half of them.
    """
    sources: dict[str, str] = {}
    for name in SOURCES:
        values = [settings[name] for settings in _pip_settings(environ) if name in settings]
        sources |= {_variable(name): value for value in values}  # the last counts
        sources |= {_variable(name): environ[_variable(name)]} if _variable(name) in environ else {}
    return without_settings(environ) | sources


def _variable(name: str) -> str:
    return f"PIP_{name.upper().replace('-', '_')}"


def _pip_settings(environ: Mapping[str, str]) -> list[Mapping[str, str]]:
    """Read the sections for `pip install` in pip's files, the weakest first (pip's documentation, "Configuration")."""
    home = environ.get("HOME", "/nonexistent")
    folders = [*reversed(environ.get("XDG_CONFIG_DIRS", "/etc/xdg").split(":"))]
    files = [*(f"{folder}/pip/pip.conf" for folder in folders if folder), "/etc/pip.conf", f"{home}/.pip/pip.conf"]
    files += [f"{environ.get('XDG_CONFIG_HOME') or home + '/.config'}/pip/pip.conf"]
    last = environ.get("PIP_CONFIG_FILE", "")
    sections: list[dict[str, Mapping[str, str]]] = []
    for file in [] if last == os.devnull else [*files, last]:
        parser = configparser.RawConfigParser()
        try:
            parser.read([file] if file else [], encoding="utf-8")
        except (configparser.Error, ValueError) as error:
            fail(f"{file}: {error}; expected settings of pip")
        sections.append({name: parser[name] for name in ("global", "install") if name in parser})
    return [file[name] for name in ("global", "install") for file in sections if name in file]


def without_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Remove all settings of Python and pip from an environment, also those in files."""
    env = {name: value for name, value in environ.items() if not name.startswith(("PYTHON", "PIP_"))}
    return env | {"PIP_CONFIG_FILE": os.devnull}  # pip then reads no file of settings (pip's documentation)


if __name__ == "__main__":
    sys.exit(main())
