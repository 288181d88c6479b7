"""The scripts for Wireshark, judged by tshark, on real exchanges."""

import re
from pathlib import Path

import pytest
from tshark_in_test import Segment, columns, columns_of_each, tshark
from zoo_in_test import REGISTRY, ROOT

from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.events import Problem
from gateway_zoo.wire.export import __main__ as export
from gateway_zoo.wire.export.lua import word
from gateway_zoo.wire.fields import Field
from gateway_zoo.wire.specimen import Specimen, load

WIRES = Codecs(REGISTRY)
SCGI, UWSGI = ROOT / "scgi/scgi.lua", ROOT / "uwsgi/uwsgi.lua"
PAIR = {"SCGI": "scgi.header", "uwsgi": "uwsgi.variable"}
NAMES = {"SCGI": ("scgi.header.name", "scgi.header.value"), "uwsgi": ("uwsgi.variable.key", "uwsgi.variable.val")}
SPECIMENS = sorted(path for cage in ("scgi", "uwsgi") for path in (ROOT / cage / "specimens").glob("*.toml"))
ABOUT_SPECIMENS = pytest.mark.parametrize(
    "path", SPECIMENS, ids=[f"{p.parent.parent.name}-{p.stem}" for p in SPECIMENS]
)


def protocol_of(path: Path) -> str:
    return load(path).protocol or {"scgi": "SCGI", "uwsgi": "uwsgi"}[path.parent.parent.name]


def script_of(path: Path) -> Path:
    return SCGI if protocol_of(path) == "SCGI" else UWSGI


def annotated(protocol: str, data: bytes, direction: Direction = "request") -> list[Field]:
    return WIRES[protocol].annotate(direction, data).fields


def _is_pair(one: Field, fields: list[Field]) -> bool:
    """Its parts stand one level below it."""
    below = fields[fields.index(one) + 1 :][:4]
    return any(field.name in ("name", "key") and field.depth == one.depth + 1 for field in below[:2])


def pairs_of(protocol: str, data: bytes) -> list[tuple[str, str]]:
    """What `annotate` names: each pair's name and value."""
    fields = annotated(protocol, data)
    return [(one.name, one.value) for one in fields if _is_pair(one, fields) and one.name not in ("headers", "vars")]


def number(fields: list[Field], name: str) -> int:
    return int(next(one.value for one in fields if one.name == name and one.depth == 0).split(" ")[0])


def whole(specimen: Specimen) -> list[Segment]:
    return [("request", specimen.request), ("response", specimen.response)]


def test_files_are_as_generated() -> None:
    assert export.drifted() == [], "python -m gateway_zoo.wire.export --write"


def test_write_and_compare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.lua"
    monkeypatch.setattr(export, "scripts", lambda: {path: "new\n"})
    monkeypatch.setattr(export, "ROOT", tmp_path)
    assert export.main([]) == 1
    assert export.main(["--write"]) == 0
    assert export.main([]) == 0
    assert path.read_text(encoding="utf-8") == "new\n"
    assert export.main(["--wrote"]) == 2
    said = capsys.readouterr().out
    assert said.startswith("a.lua differs\na.lua written\n")
    assert "--write     write them" in said


def test_words() -> None:
    assert [word(name) for name in ("contentLength", "FCGI_VERSION_1", "Lua WSAPI")] == [
        "content_length",
        "fcgi_version_1",
        "lua_wsapi",
    ]


@ABOUT_SPECIMENS
def test_tshark_names_what_annotate_names(path: Path) -> None:
    specimen, protocol = load(path), protocol_of(path)
    frame, *_ = columns(script_of(path), whole(specimen), *NAMES[protocol], PAIR[protocol])
    assert list(zip(frame[0], frame[1], strict=True)) == pairs_of(protocol, specimen.request)
    assert len(frame[2]) == len(frame[0])


@ABOUT_SPECIMENS
def test_tshark_joins_segments(path: Path) -> None:
    """Cut at the places that hurt, and byte by byte at the beginning."""
    specimen, protocol = load(path), protocol_of(path)
    data = specimen.request
    every = ([1], [3, 4], [5, 40], [len(data) - 1], list(range(1, min(30, len(data)))))
    found = columns_of_each(script_of(path), [in_pieces(data, cuts) for cuts in every], *NAMES[protocol])
    for cuts, frames in zip(every, found, strict=True):
        assert frames[-1] == [list(column) for column in zip(*pairs_of(protocol, data), strict=True)] or [[], []]
        assert all(frame == [[], []] for frame in frames[:-1]), cuts


def in_pieces(data: bytes, cuts: list[int]) -> list[Segment]:
    ends = sorted({*cuts, len(data)} - {0})
    return [("request", data[a:b]) for a, b in zip([0, *ends], ends, strict=False) if a < b]


def test_tshark_shows_bodies_and_answers() -> None:
    scgi, uwsgi = load(ROOT / "scgi/specimens/post.toml"), load(ROOT / "uwsgi/specimens/post.toml")
    request, answer = columns(SCGI, whole(scgi), "scgi.body", "urlencoded-form.value", "data-text-lines", "text")
    assert bytes.fromhex(request[0][0]) == b"name=Marabou"
    assert request[1] == ["Marabou"]
    assert any("Status: 200 OK" in line for line in [*answer[2], *answer[3]])
    request, answer = columns(UWSGI, whole(uwsgi), "uwsgi.body", "urlencoded-form.value", "http.response.code")
    assert [request[0], request[1], request[2]] == [[b"name=Marabou".hex()], ["Marabou"], []]
    assert answer[2] == ["200"]


def test_tshark_joins_the_segments_of_an_answer() -> None:
    post = load(ROOT / "uwsgi/specimens/post.toml")
    cuts = (3, 20, 100, len(post.response) - 5)
    answers = [(("response", post.response[:cut]), ("response", post.response[cut:])) for cut in cuts]
    asked = [[("request", post.request), *answer] for answer in answers]
    found = columns_of_each(UWSGI, asked, "http.response.code", "json.key")
    for cut, frames in zip(cuts, found, strict=True):
        assert [frame[0] for frame in frames] == [[], [], ["200"]], cut
        assert "REQUEST_METHOD" in frames[-1][1]


def test_tshark_names_the_numbers_of_a_packet() -> None:
    ping = load(ROOT / "uwsgi/specimens/ping.toml")
    found = columns(UWSGI, whole(ping), "uwsgi.modifier1", "uwsgi.datasize", "uwsgi.modifier2")
    assert found == [[["100"], ["0"], ["0"]], [["100"], ["0"], ["1"]]]
    hello = load(ROOT / "uwsgi/specimens/hello.toml").request
    fields = annotated("uwsgi", hello)
    ((_, size, _),) = columns(UWSGI, [("request", hello)], "uwsgi.modifier1", "uwsgi.datasize", "uwsgi.modifier2")
    assert size == [str(number(fields, "datasize"))]
    scgi = load(ROOT / "scgi/specimens/hello.toml").request
    assert columns(SCGI, [("request", scgi)], "scgi.length", "scgi.comma") == [[["502"], [","]]]


def test_tshark_finds_the_next_request_on_a_uwsgi_connection() -> None:
    post, hello = (load(ROOT / f"uwsgi/specimens/{name}.toml").request for name in ("post", "hello"))
    cuts = (len(post) - 3, len(post), len(post) + 2, len(post + hello))
    found = columns_of_each(UWSGI, [in_pieces(post + hello, [cut]) for cut in cuts], "uwsgi.variable.key")
    for cut, frames in zip(cuts, found, strict=True):
        keys = [key for (column,) in frames for key in column]
        assert keys == [name for data in (post, hello) for name, _ in pairs_of("uwsgi", data)], cut


@pytest.mark.parametrize(
    ("script", "data"),
    [
        (SCGI, b"12x:CONTENT"),
        (SCGI, b":"),
        (SCGI, b"123456789012345:"),
        (SCGI, b"24:CONTENT_LENGTH\x000\x00SCGI\x001\x00;"),
        (SCGI, b"3:abc,"),
        (SCGI, b"4:a\0bc,"),
        (UWSGI, b"\0\x03\0\0\x09\0a"),
        (UWSGI, b"\0\x05\0\0\x01\0a\x09\0"),
        (UWSGI, b"\0\x01\0\0\x09"),
    ],
)
def test_tshark_marks_faults(script: Path, data: bytes) -> None:
    """Where the decoder has a problem, the dissector has an expert info, and no Lua error."""
    events, error = WIRES["SCGI" if script == SCGI else "uwsgi"].decoders()[0].whole(data)
    assert error or any(isinstance(event, Problem) for event in events)
    (frame,) = columns(script, [("request", data)], f"{script.stem}.malformed")
    assert frame[0], frame


@pytest.mark.parametrize("script", [SCGI, UWSGI])
def test_an_error_in_lua_is_seen(script: Path, tmp_path: Path) -> None:
    """At the end of the dissector, where all fields are there already; and where tshark loads it."""
    sound, copy = script.read_text(encoding="utf-8"), tmp_path / script.name
    segments = whole(load(script.parent / "specimens/hello.toml"))
    body = sound.index("function proto.dissector(")
    end = sound.index("\nend\n", body)
    for broken in (sound[:end] + "\n  local planted = nil + 1" + sound[end:], sound + "error('planted')\n"):
        copy.write_text(broken, encoding="utf-8")
        with pytest.raises(AssertionError, match=r"an error in|Lua"):
            columns(copy, segments)


def test_tshark_takes_the_port_from_the_preference() -> None:
    hello = load(ROOT / "scgi/specimens/hello.toml").request
    said = tshark(SCGI, [[("request", hello)]], "-o", "scgi.port:9002", decode=False)
    assert re.search(r"SCGI .*GET /scgi/hello", said), said
    assert "SCGI" not in tshark(SCGI, [[("request", hello)]], decode=False)
