"""ruff and mypy strict over everything, and what they cannot see."""

import subprocess
import sys

from zoo_in_test import ROOT


def _run(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_lint_ruff() -> None:
    _run("ruff", "check", ".")


def test_lint_ruff_format() -> None:
    _run("ruff", "format", "--check", ".")


def test_lint_mypy() -> None:
    _run("mypy")
