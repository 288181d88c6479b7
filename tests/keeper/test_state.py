"""state.json: what the keeper writes comes back as it was, and any other form is no state."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from zoo_in_test import ROOT

from gateway_zoo.keeper import state
from gateway_zoo.registry import plans
from gateway_zoo.settings import Settings, environment

CELL = {"exhibit": "wsgi", "front": "nginx", "url": "http://127.0.0.1:8080/wsgi", "closed": None}
GOOD: dict[str, Any] = {"pid": 1, "token": "t", "sessions": {"wsgi": 2}, "cells": [CELL]}
WRONG: dict[str, Any] = {
    "no pid": {name: value for name, value in GOOD.items() if name != "pid"},
    "a pid in words": GOOD | {"pid": "1"},
    "sessions in a list": GOOD | {"sessions": [2]},
    "a session in words": GOOD | {"sessions": {"wsgi": "2"}},
    "a cell without an address": GOOD | {"cells": [{"exhibit": "wsgi", "front": "nginx", "closed": None}]},
    "a number among the settings": GOOD | {"settings": {"ZOO_NGINX_PORT": 8080}},
    "a list": [GOOD],
}


def settings_in(run: Path) -> Settings:
    return Settings(ROOT, run)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    written = state.State(
        pid=1,
        token=GOOD["token"],
        sessions={"wsgi": 2},
        settings=environment(settings),
        cells=plans.make(settings).cells,
    )
    state.write(settings, written)
    assert state.read(settings) == written


@pytest.mark.parametrize(
    "text",
    [json.dumps(value) for value in WRONG.values()] + ["", "{", "[" * 100_000],
    ids=[*WRONG, "empty", "cut off", "deep"],
)
def test_another_form_is_no_state(tmp_path: Path, text: str) -> None:
    settings = settings_in(tmp_path)
    settings.state.write_text(json.dumps(GOOD), encoding="utf-8")
    assert state.read(settings) is not None
    settings.state.write_text(text, encoding="utf-8")
    assert state.read(settings) is None


def test_a_state_without_a_zoo_has_no_cells(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings.state.write_text(json.dumps(GOOD), encoding="utf-8")
    assert (state.of_running(settings), state.running_cells(settings)) == (None, [])


def test_a_zoo_that_runs_has_them(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings.state.write_text(json.dumps(GOOD), encoding="utf-8")
    lock = state.hold(settings)
    assert [cell.exhibit for cell in state.running_cells(settings)] == ["wsgi"]
    os.close(lock)
