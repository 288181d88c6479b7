"""What an image was built from, held against a checkout; and the files for containers that no engine is needed for."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from zoo_in_test import ROOT

from gateway_zoo import image


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name, text in (("app/zoo_app.py", "app = 1\n"), ("README.md", "# Zoo\n"), ("zoo", "#!/bin/sh\n")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def shown(monkeypatch: pytest.MonkeyPatch, files: Any) -> None:
    """A front that shows this record."""
    monkeypatch.setattr(image, "_shown", lambda url: {"built": "2026-01-01T00:00:00+00:00", "files": files})


def test_every_file_that_dockerignore_leaves_counts() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    git = ["git", "-c", "safe.directory=*", "ls-files", "-co", "--exclude-standard"]
    files = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert ignored == [".*", "**/__pycache__", "tests", "typings", "requirements-*.lock"]
    out = (".", "tests/", "typings/", "requirements-")
    expected = {name for name in files if not name.startswith(out) and (ROOT / name).exists()}
    assert expected <= image.contents(ROOT).keys()
    assert not [name for name in image.contents(ROOT) if name.startswith(out) or "__pycache__" in name]


def test_the_same_files_are_no_difference_whatever_their_line_ends(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown(monkeypatch, image.contents(checkout))
    (checkout / "README.md").write_bytes(b"# Zoo\r\n")
    assert image.difference("nginx", "http://x", checkout) is None


def test_what_was_edited_is_named_with_the_command(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown(monkeypatch, image.contents(checkout) | {"old.py": "0"})
    (checkout / "app/zoo_app.py").write_text("app = 2\n", encoding="utf-8")
    (checkout / "new.py").write_text("", encoding="utf-8")
    seen = image.difference("nginx", "http://x", checkout)
    assert seen is not None
    assert (seen.changed, seen.added, seen.removed) == (["app/zoo_app.py"], ["new.py"], ["old.py"])
    assert seen.sentence() == (
        "the image behind nginx is older than this checkout (changed: app/zoo_app.py; new: new.py; gone: old.py); "
        "docker compose up --build --wait"
    )


@pytest.mark.parametrize("files", [None, [], "x", {"app/zoo_app.py": 1, "README.md": None, "zoo": []}])
def test_a_strange_record_is_no_traceback(checkout: Path, files: object, monkeypatch: pytest.MonkeyPatch) -> None:
    shown(monkeypatch, files)
    image.difference("nginx", "http://x", checkout)


def test_without_a_checkout_nothing_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown(monkeypatch, {"a": "b"})
    assert image.difference("nginx", "http://x", tmp_path / "nowhere") is None
    assert image.difference("nginx", "http://x", tmp_path) is None


#: Of devContainer.base.schema.json (containers.dev): the properties that we use, and their types.
DEVCONTAINER = {
    "name": str,
    "image": str,
    "postCreateCommand": str,
    "postStartCommand": str,
    "forwardPorts": list,
    "portsAttributes": dict,
    "otherPortsAttributes": dict,
}
PORT = {"label", "protocol", "onAutoForward"}
ON_FORWARD = {"notify", "openBrowser", "openBrowserOnce", "openPreview", "silent", "ignore"}


def test_the_development_container_is_as_its_schema_wants_it() -> None:
    lines = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8").splitlines()
    told = json.loads("\n".join(line for line in lines if not line.strip().startswith("//")))
    assert {name: type(value) for name, value in told.items()} == DEVCONTAINER
    assert set(map(str, told["forwardPorts"])) == set(told["portsAttributes"]) == {"8080", "8081", "8443", "8444"}
    for attributes in (*told["portsAttributes"].values(), told["otherPortsAttributes"]):
        assert set(attributes) <= PORT
        assert attributes["onAutoForward"] in ON_FORWARD
        assert attributes.get("protocol", "http") in ("http", "https")
