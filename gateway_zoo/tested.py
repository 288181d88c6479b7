"""`test`: the whole suite on this machine, doing all its own set-up. With arguments: pytest's, for a part of it."""

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

from gateway_zoo import parts, root
from gateway_zoo.registry import load
from gateway_zoo.settings import Settings
from gateway_zoo.speak import fail, say

EVERYTHING = ["-n", "2", "--dist", "loadfile", "-m", "not docker"]


def run(made: Settings, words: list[str]) -> int:
    """pytest's exit status; 1 for any failure, also of collection."""
    if made.compose:
        fail("the tests run on the machine itself, in the checkout: ./zoo test", 3)
    absent = [package for program, package in parts.APT_FOR_TESTS.items() if not parts.program(program)]
    root.install_what_is_missing(made, load(made.root).families.values(), tuple(absent))
    root.compile_ahead(made)
    _install(made.root)
    command = [sys.executable, "-P", "-m", "pytest", *(words or EVERYTHING)]
    done = subprocess.run(command, cwd=made.root, env=_environment(), check=False)
    return 1 if done.returncode else 0


def _install(checkout: Path) -> None:
    """The test tools, pinned and hashed, into .venv; again when the lock file changes."""
    lock, installed = checkout / "requirements-test.lock", checkout / ".venv" / "requirements-test.lock"
    if installed.exists() and filecmp.cmp(lock, installed, shallow=False):
        return
    say("installing the test tools into .venv (once)")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes"]
    if subprocess.run([*pip, "-r", str(lock)], check=False).returncode:
        fail("pip could not install the test tools; is there a network?", 3)
    shutil.copy(lock, installed)


def _environment() -> dict[str, str]:
    """No ZOO_ variable of this shell reaches a test: each zoo of a test has its own."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith("ZOO_") or name == "ZOO_REQUIRE_DOCKER"
    }
