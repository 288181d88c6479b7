"""The lesson on each label is what its specimen says."""

from pathlib import Path

import pytest
from zoo_in_test import REGISTRY, ROOT

from gateway_zoo.registry.cages import Cage
from gateway_zoo.wire import labels, specimen
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.conversation import Conversation

CAGES = list(Codecs(REGISTRY).cages.values())


def test_no_label_has_drifted() -> None:
    drifted = [path for path, text in labels.written(REGISTRY) if path.read_text(encoding="utf-8") != text]
    assert not drifted, f"{drifted}: python -m gateway_zoo.wire.labels --write"


@pytest.mark.parametrize("cage", CAGES, ids=lambda cage: cage.name)
def test_each_byte_protocol_has_an_exchange_on_its_label(cage: Cage) -> None:
    found = labels.BLOCK.findall((cage.path / "README.md").read_text(encoding="utf-8"))
    assert len(found) == 1
    assert "\n--> " in found[0]
    assert "\n<-- " in found[0]
    assert "cut off" not in found[0]


@pytest.mark.parametrize(
    "file", sorted(ROOT.glob("*/specimens/*.toml")), ids=lambda file: f"{file.parts[-3]}-{file.stem}"
)
def test_every_specimen_is_sound(file: Path) -> None:
    """Whole and byte by byte: the same, and no fault in either direction."""
    kept = specimen.load(file)
    codecs = Codecs(REGISTRY)
    protocol = kept.protocol or next(cage.file.protocol for cage in REGISTRY.cages if cage.path == file.parent.parent)
    whole, pieces = Conversation(codecs, protocol), Conversation(codecs, protocol)
    for side, data in (("request", kept.request), ("response", kept.response)):
        assert bool(whole.feed(side, data)) == bool(data)  # type: ignore[arg-type]
        for index in range(len(data)):
            pieces.feed(side, data[index : index + 1])  # type: ignore[arg-type]
        assert whole.settled(side) == pieces.settled(side) == len(data)  # type: ignore[arg-type]
    assert whole.errors == pieces.errors == {}


def test_a_label_follows_its_specimen() -> None:
    """Another byte in the specimen is another line on the label."""
    cage = next(cage for cage in CAGES if cage.name == "uwsgi")
    file = cage.path / "specimens/hello.toml"
    lesson = labels.block(file, cage.file.protocol, Codecs(REGISTRY))
    assert "modifier1 WSGI" in lesson
    assert (ROOT / "uwsgi/README.md").read_text(encoding="utf-8").count(lesson) == 1


def test_every_byte_of_a_record_header_is_named() -> None:
    """In lines that fit a terminal: a header of FastCGI has six parts in eight bytes."""
    lines = labels.BLOCK.findall((ROOT / "fastcgi/README.md").read_text(encoding="utf-8"))[0].splitlines()
    rows = [line for line in lines if line[:4].strip().isdigit()]
    assert max(map(len, rows)) <= 80
    heads = [index for index, line in enumerate(rows) if " version FCGI_VERSION_1, type " in line]
    assert len(heads) == 8
    for index in heads:
        named = ", ".join(row[35:].strip(" ,") for row in rows[index : index + 3])
        shown = bytes.fromhex("".join(row[6:30] for row in rows[index : index + 3]))
        parts = [part.split(" ")[0] for part in named.split(", ")]
        assert parts == ["version", "type", "requestId", "contentLength", "paddingLength", "reserved"]
        assert len(shown) == 8
