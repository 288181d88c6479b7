"""Traits for tests: measured as the command does, or as they are kept.

test_whole_matrix.py measures the kept answers of Debian 12 again, in all cells. So a test that holds many answers
against theory takes the kept ones: to measure them twice would prove nothing more.
"""

import os
import subprocess
import sys

import msgspec
from zoo_in_test import REGISTRY, ROOT

from gateway_zoo.traits import catalogue, kept
from gateway_zoo.traits.records import Matrix


def measured(traits: list[str], ids: list[str], front: str = "") -> Matrix:
    """Run the command."""
    words = [*(word for name in traits for word in ("-t", name)), *(["--front", front] if front else []), *ids]
    argv = [sys.executable, "-I", "-m", "gateway_zoo", "traits", "--json", *words]
    env = {name: value for name, value in os.environ.items() if not name.startswith("ZOO_")}
    run = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, timeout=200, check=False)
    assert run.returncode == 0, run.stderr.decode()
    return msgspec.json.decode(run.stdout, type=Matrix)


def kept_natively() -> Matrix:
    values = kept.read(ROOT, "native")
    assert values
    return kept.matrix(values, REGISTRY, [trait.facts for trait in catalogue.find(ROOT).values()])


def answer(matrix: Matrix, trait: str, exhibit: str, front: str) -> str:
    """The answer of a cell."""
    return next(a for a in matrix.answers if (a.trait, a.exhibit, a.front) == (trait, exhibit, front)).text
