"""The expected values: written with a line for each answer, read again as the same answers, changed in part."""

import json
from pathlib import Path

import msgspec
import pytest
from matrix_in_test import BYTES, PID, SLOW, changed, small
from zoo_in_test import REGISTRY, ROOT

from gateway_zoo.errors import Stop
from gateway_zoo.traits import catalogue, groups, kept
from gateway_zoo.traits.changes import changes
from gateway_zoo.traits.records import Matrix

FACTS = [PID, SLOW, BYTES]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout with the small matrix kept."""
    (tmp_path / "traits").mkdir()
    kept.keep(tmp_path, small(), REGISTRY, FACTS)
    return tmp_path


def again(root: Path) -> Matrix:
    values = kept.read(root, "native")
    assert values
    return kept.matrix(values, REGISTRY, FACTS)


def test_what_was_kept_is_the_same_matrix_without_evidence(root: Path) -> None:
    assert changes(small(), again(root)).changes == changes(again(root), small()).changes == []
    assert groups.own_programs(again(root)) == ["pages"]
    assert {(a.trait, a.exhibit): a.figure for a in again(root).answers}["wire_bytes", "cgi"] == 103.0
    assert not any(answer.evidence for answer in again(root).answers)


def test_the_file_has_a_line_for_each_answer_and_short_names(root: Path) -> None:
    text = kept.path(root, "native").read_text(encoding="utf-8")
    assert '\n   {"answers": ["yes"], "cells": "cgi"}' in text
    assert '\n   {"answers": ["nobody", "the front"], "state": "varies", "cells": "nginx:scgi"}' in text
    assert json.loads(text)["own_program"] == "nginx:pages"
    assert max(map(len, text.splitlines())) < 400


def test_a_part_is_kept_alone(root: Path) -> None:
    new = changed(small(), "pid_each_time", ("fastcgi", "nginx"), "perhaps")
    kept.keep(root, groups.choose(new, ["pid_each_time"], ["fastcgi"], "nginx", quick=False), REGISTRY, FACTS)
    ((change),) = changes(small(), again(root)).changes
    assert (change.trait, change.exhibit, change.after) == ("pid_each_time", "fastcgi", "perhaps")
    kept.keep(root, small(), REGISTRY, [PID])
    assert {answer.trait for answer in again(root).answers} == {"pid_each_time"}, "a trait that is no more leaves"


def test_an_answer_beside_the_kept_one_is_allowed(root: Path) -> None:
    other = changed(small(), "pid_each_time", ("cgi", "nginx"), "no")
    assert [change.after for change in changes(again(root), other).changes] == ["no"]
    kept.keep(root, other, REGISTRY, FACTS, allow=True)
    for matrix in (small(), other):
        assert changes(again(root), matrix).changes == []


@pytest.mark.parametrize(
    ("text", "says"), [("{", "zoo traits --keep writes it"), ('{"schema": 1}', "missing required field `made`")]
)
def test_a_damaged_file_is_named(root: Path, text: str, says: str) -> None:
    kept.path(root, "native").write_text(text, encoding="utf-8")
    with pytest.raises(Stop) as stop:
        kept.read(root, "native")
    assert says in stop.value.text
    assert "native.json" in stop.value.text


def test_another_schema_is_named(root: Path) -> None:
    values = kept.read(root, "native")
    assert values
    kept.path(root, "native").write_bytes(msgspec.json.encode(msgspec.structs.replace(values, schema=9)))
    with pytest.raises(Stop) as stop:
        kept.read(root, "native")
    assert "has schema 9, expected 1" in stop.value.text


@pytest.mark.parametrize("place", ["native", "image"])
def test_each_place_has_kept_answers_of_traits_that_exist(place: str) -> None:
    if place == "image" and not kept.path(ROOT, place).exists():
        pytest.skip("the image was not measured yet: docker compose run --rm zoo traits --json")
    values = kept.read(ROOT, place)
    assert values
    assert set(values.traits) <= set(catalogue.find(ROOT)), "zoo traits --keep writes it"
    assert len(values.traits) > 60


def test_keeping_where_nothing_can_be_written_says_what_else_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    (tmp_path / "traits").mkdir()
    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(Stop) as stop:
        kept.keep(tmp_path, small(), REGISTRY, FACTS)
    assert "Read-only file system; write zoo traits --json > FILE" in stop.value.text
    assert "--keep --from FILE" in stop.value.text
