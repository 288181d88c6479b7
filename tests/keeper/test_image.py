"""What an image was built from, held against a checkout."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from zoo_in_test import ROOT

from gateway_zoo.keeper import image
from gateway_zoo.settings import Settings


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, text in (("app/zoo_app.py", "app = 1\n"), ("cage.toml", "x = 1\n"), ("zoo", "#!/bin/sh\n")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def record(root: Path) -> dict[str, Any]:
    """What an image of this checkout would say of itself."""
    return {"built": "2026-01-01T00:00:00+00:00", "files": image.files(root)}


def test_what_makes_a_zoo_counts_and_notes_of_a_person_do_not() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    git = ["git", "-c", "safe.directory=*", "ls-files"]
    files = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert ignored == [".*", "**/__pycache__", "tests", "typings", "requirements-*.lock"]
    out = (".", "tests/", "typings/", "requirements-")
    expected = {name for name in files if not name.startswith(out) and Path(name).suffix in image.KINDS}
    assert {"app/zoo_app.py", "nginx/nginx.conf", "web/zoo.css", "php/app.php", "requirements.lock"} <= expected
    assert expected <= image.files(ROOT).keys()
    assert not [name for name in image.files(ROOT) if name.startswith(out) or "__pycache__" in name]


def settings(root: Path) -> Settings:
    return Settings(root, root / "run")


def test_the_same_files_are_no_difference_whatever_their_line_ends(checkout: Path) -> None:
    told = record(checkout)
    (checkout / "cage.toml").write_bytes(b"x = 1\r\n")
    assert image.older(settings(checkout), told) is None


def test_what_was_edited_is_named_with_the_command(checkout: Path) -> None:
    told = record(checkout)
    (checkout / "app/zoo_app.py").write_text("app = 2\n", encoding="utf-8")
    (checkout / "new.py").write_text("", encoding="utf-8")
    assert image.older(settings(checkout), told) == (
        "the image of 2026-01-01T00:00:00+00:00 is not of this checkout: app/zoo_app.py, new.py; "
        "docker compose up --build --wait makes a new one"
    )


@pytest.mark.parametrize("told", [None, {}, {"files": None}, {"files": []}, {"files": "x"}, {"files": {}, "built": 1}])
def test_a_strange_record_is_no_traceback(checkout: Path, told: Any) -> None:
    image.older(settings(checkout), told)


def test_without_a_checkout_nothing_is_known(tmp_path: Path) -> None:
    assert image.older(settings(tmp_path / "nowhere"), {"files": {"a.py": "b"}}) is None
