"""ruff and mypy strict over everything, and the order of the rooms (.importlinter)."""

import subprocess
import sys
from pathlib import Path

from zoo_in_test import ROOT

LINT_IMPORTS = str(Path(sys.executable).with_name("lint-imports"))


def _run(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_lint_ruff() -> None:
    _run("ruff", "check", ".")


def test_lint_ruff_format() -> None:
    _run("ruff", "format", "--check", ".")


def test_lint_mypy() -> None:
    _run("mypy")


def test_lint_imports() -> None:
    done = subprocess.run([LINT_IMPORTS, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
