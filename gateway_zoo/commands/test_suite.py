"""`test`: the suite on this machine, with all its own set-up. Arguments are pytest's, for a part of it.

`test` alone leaves the group `slow` out: more members of a kind that has a quick member too, and the labs. `--all` runs
everything but the tests of the containers (`make test-docker`).
"""

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

from gateway_zoo import set_up
from gateway_zoo.errors import fail
from gateway_zoo.keeper import privileges
from gateway_zoo.registry import installed
from gateway_zoo.registry.cages import load
from gateway_zoo.settings import Settings
from gateway_zoo.terminal.messages import say

#: Two workers for each core: about half of a test's time is spent in waiting for servers.
SIDE_BY_SIDE = ["-n", str(2 * (os.cpu_count() or 1)), "--dist", "loadfile", "--no-loadscope-reorder"]
QUICK = [*SIDE_BY_SIDE, "-m", "not docker and not slow"]
ALL = [*SIDE_BY_SIDE, "-m", "not docker"]


def run(settings: Settings, words: list[str]) -> int:
    """pytest's exit status; 1 for any failure, also of collection."""
    settings.only_natively(
        "the tests run on your machine, in the checkout: ./zoo test; those of the containers: make test-docker"
    )
    absent = [package for program, package in installed.APT_FOR_TESTS.items() if not installed.program(program)]
    privileges.install_what_is_missing(settings, load(settings.root).families.values(), tuple(absent))
    privileges.compile_ahead(settings)
    _install(settings.root)
    words = ALL + [word for word in words if word != "--all"] if "--all" in words else words or QUICK
    command = [sys.executable, "-I", "-m", "pytest", *words]
    done = subprocess.run(command, cwd=settings.root, env=_environment(), check=False)
    if words == QUICK:
        say("the group `slow` was left out; ./zoo test --all runs it too")
    return 1 if done.returncode else 0


def _install(checkout: Path) -> None:
    """The test tools, pinned and hashed, into .venv; again when the lock file changes."""
    lock, installed = checkout / "requirements-test.lock", checkout / ".venv" / "requirements-test.lock"
    if installed.exists() and filecmp.cmp(lock, installed, shallow=False):
        return
    say("installing the test tools into .venv (once)")
    if words := set_up.pip_install(Path(sys.executable), lock):
        fail(f"{words}\nzoo: pip could not install the test tools; is there a network, and room on the disk?", 3)
    shutil.copy(lock, installed)


def _environment() -> dict[str, str]:
    """No ZOO_ variable of this shell reaches a test: each zoo of a test has its own. Nor does a setting of Python."""
    ours = {name: os.environ[name] for name in ("ZOO_REQUIRE_DOCKER",) if name in os.environ}
    return {name: os.environ[name] for name in os.environ if not name.startswith(("ZOO_", "PYTHON"))} | ours
