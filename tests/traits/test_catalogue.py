"""Traits are found by a glob, and each file says what a trait says."""

import ast
import sys
from pathlib import Path

import pytest
from zoo_in_test import ROOT

from gateway_zoo.errors import Stop
from gateway_zoo.traits import catalogue

FILES = sorted((ROOT / "traits").glob("*.py"))
TRAIT = """
AXIS = "{axis}"
QUESTION = "Is it so?"
WHY = "Because."
SOURCE = "RFC 9110"
def probe(cell):
    return "yes"
"""


def write(root: Path, name: str, text: str) -> Path:
    (root / "traits").mkdir(exist_ok=True)
    (root / "traits" / name).write_text(text, encoding="utf-8")
    return root


def test_a_new_file_is_a_new_trait(tmp_path: Path) -> None:
    write(tmp_path, "newcomer.py", TRAIT.format(axis="Cost"))
    root = write(tmp_path, "elder.py", TRAIT.format(axis="Process") + "SLOW = True\nWITHIN = 0.5\n")
    traits = catalogue.find(root)
    assert list(traits) == ["elder", "newcomer"], "in the order of the axes"
    assert (traits["elder"].runs, traits["elder"].facts.within, traits["newcomer"].runs) == (1, 0.5, 2)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("QUESTION = 'so?'\n", "a trait has AXIS, WHY, SOURCE, probe, and this file has not"),
        (TRAIT.format(axis="Weather"), "AXIS is Process or Request or"),
        (TRAIT.format(axis="Cost") + "SCOPE = 'zoo'\n", "SCOPE is cell or family or front"),
    ],
)
def test_a_file_that_is_no_trait(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(Stop) as stop:
        catalogue.find(write(tmp_path, "odd.py", text))
    assert words in stop.value.text
    assert "odd.py" in stop.value.text


def test_an_unknown_trait_is_named_with_the_nearest() -> None:
    with pytest.raises(Stop) as stop:
        catalogue.known(catalogue.find(ROOT), ["pid_each_tyme"])
    assert stop.value.text == "unknown trait 'pid_each_tyme'; did you mean 'pid_each_time'?"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_trait_is_short_to_read_and_light_to_load(file: Path) -> None:
    """A CGI program loads it for each request, so its first lines import the standard library and small files only."""
    facts = catalogue.find(ROOT)[file.stem].facts
    assert len(facts.question) <= 60, facts.question
    assert facts.question.endswith("?"), facts.question
    assert "status" not in file.stem, "the fronts guard such paths"
    assert len(facts.why) > 40
    assert facts.source
    body = ast.parse(file.read_text(encoding="utf-8")).body
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {node.module for node in imports if isinstance(node, ast.ImportFrom)}
    names |= {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    heavy = {name for name in names if name and name.partition(".")[0] not in sys.stdlib_module_names}
    light = {f"gateway_zoo.traits.{name}" for name in ("events", "gate", "outcome", "telling", "upload")}
    assert heavy <= light, heavy
