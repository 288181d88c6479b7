"""Measure traits for a test, as the command does."""

import os
import subprocess
import sys

import msgspec
from zoo_in_test import ROOT

from gateway_zoo.traits.records import Matrix


def measured(traits: list[str], ids: list[str], front: str = "") -> Matrix:
    """Run the command."""
    words = [*(word for name in traits for word in ("-t", name)), *(["--front", front] if front else []), *ids]
    argv = [sys.executable, "-I", "-m", "gateway_zoo", "traits", "--json", *words]
    env = {name: value for name, value in os.environ.items() if not name.startswith("ZOO_")}
    run = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, timeout=200, check=False)
    assert run.returncode == 0, run.stderr.decode()
    return msgspec.json.decode(run.stdout, type=Matrix)


def answer(matrix: Matrix, trait: str, exhibit: str, front: str) -> str:
    """The answer of a cell; it has evidence."""
    kept = next(a for a in matrix.answers if (a.trait, a.exhibit, a.front) == (trait, exhibit, front))
    assert kept.evidence or kept.state != "answered", f"{trait}, {exhibit}: no evidence"
    return kept.text
