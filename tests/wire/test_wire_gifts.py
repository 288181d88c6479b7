"""Our gifts to the ecosystem, judged by the tools that they are for, on real exchanges."""

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from gift_judges import Segment, columns, columns_of_each, compiled, install_kaitai, tshark
from zoo_in_test import REGISTRY, ROOT

from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.events import Pairs
from gateway_zoo.wire.export import __main__ as gifts
from gateway_zoo.wire.export.kaitai import word, yaml
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
    assert gifts.drifted() == [], "python -m gateway_zoo.wire.gifts --write"


def test_write_and_compare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.ksy"
    monkeypatch.setattr(gifts, "gifts", lambda: {path: "new\n"})
    monkeypatch.setattr(gifts, "ROOT", tmp_path)
    assert gifts.main([]) == 1
    assert gifts.main(["--write"]) == 0
    assert gifts.main([]) == 0
    assert path.read_text(encoding="utf-8") == "new\n"
    assert gifts.main(["--wrote"]) == 2
    said = capsys.readouterr().out
    assert said.startswith("a.ksy differs\na.ksy written\n")
    assert "--write     write them" in said


def test_kaitai_words_and_yaml() -> None:
    assert [word(name) for name in ("contentLength", "FCGI_VERSION_1", "Lua WSAPI")] == [
        "content_length",
        "fcgi_version_1",
        "lua_wsapi",
    ]
    table = {"a": 'say "x"', "n": [{"id": "b", "on": True}], "l": [44], "e::f": 1}
    assert yaml(table) == 'a: "say \\"x\\""\nn:\n  - id: b\n    on: true\nl: [44]\n"e::f": 1\n'


# --- Wireshark ---


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
    """Where the decoder has a named error, the dissector has an expert info, and no Lua error."""
    requests, _ = WIRES["SCGI" if script == SCGI else "uwsgi"].pair()
    with pytest.raises(Exception, match="at offset"):
        requests.feed(data)
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


# --- Kaitai ---


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModuleType]:
    """What Kaitai's compiler makes of our three files."""
    install_kaitai()
    target = tmp_path_factory.mktemp("kaitai")
    return {cage: compiled(ROOT / cage / f"{cage}.ksy", target) for cage in ("fastcgi", "scgi", "uwsgi")}


def in_latin(pairs: Pairs) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in pairs]


@ABOUT_SPECIMENS
def test_kaitai_names_what_annotate_names(path: Path, modules: dict[str, ModuleType]) -> None:
    data, protocol = load(path).request, protocol_of(path)
    fields = annotated(protocol, data)
    if protocol == "SCGI":
        found: Any = modules["scgi"].Scgi.from_bytes(data)
        pairs = [(one.name, one.value) for one in found.head.headers.entries]
        assert (found.head.length, found.head.comma) == (str(number(fields, "length")), b",")
        rest = found.body
    else:
        found = modules["uwsgi"].Uwsgi.from_bytes(data)
        packet = found.packet
        pairs = [(one.key, one.val) for one in packet.data.vars] if pairs_of(protocol, data) else []
        assert [packet.modifier1.value, packet.datasize, packet.modifier2] == [
            number(fields, name) for name in ("modifier1", "datasize", "modifier2")
        ]
        rest = found.rest
    assert pairs == pairs_of(protocol, data)
    body = [field for field in fields if field.name == "body"]
    assert rest == (data[body[0].offset :] if body else b"")


def test_kaitai_keeps_every_byte(modules: dict[str, ModuleType]) -> None:
    every = bytes(range(1, 256))
    variables: Pairs = [(b"CONTENT_LENGTH", b"3"), (b"SCGI", b"1"), (b"X", every)]
    found = modules["scgi"].Scgi.from_bytes(WIRES["SCGI"].request(variables, b"\0\1\2"))
    assert found.body == b"\0\1\2"
    assert [(one.name, one.value) for one in found.head.headers.entries] == in_latin(variables)
    found = modules["uwsgi"].Uwsgi.from_bytes(WIRES["uwsgi"].request(variables, b"\0\1\2"))
    assert [(one.key, one.val) for one in found.packet.data.vars] == in_latin(variables)


@pytest.mark.parametrize("length", [b"+24", b"024", b" 24", b"24 ", b"2_4", b"-24", b"x", b""])
def test_kaitai_takes_only_digits_for_the_length_of_a_netstring(modules: dict[str, ModuleType], length: bytes) -> None:
    """Its ValidationExprError, its InvalidArgumentError, or Python's own where there is no number at all."""
    data = length + b":CONTENT_LENGTH\x000\x00SCGI\x001\x00,"
    assert any(field.fault for field in annotated("SCGI", data))
    with pytest.raises(Exception, match=r"validation failed|invalid"):
        modules["scgi"].Scgi.from_bytes(data)


@pytest.mark.parametrize("cage", ["fastcgi", "scgi", "uwsgi"])
def test_kaitai_makes_nothing_up_of_what_is_cut_off(modules: dict[str, ModuleType], cage: str) -> None:
    protocol = {"fastcgi": "FastCGI", "scgi": "SCGI", "uwsgi": "uwsgi"}[cage]
    data = WIRES[protocol].request([(b"CONTENT_LENGTH", b"3"), (b"SCGI", b"1")], b"abc")
    for end in range(len(data)):
        try:
            getattr(modules[cage], cage.title()).from_bytes(data[:end])
        except EOFError:
            continue
        fields = annotated(protocol, data[:end])
        assert not any(field.fault for field in fields), data[:end]


def test_kaitai_reads_fastcgi(modules: dict[str, ModuleType]) -> None:
    """Headers as they are; the pairs from the joined PARAMS, as the file's head says."""
    fastcgi = modules["fastcgi"].Fastcgi
    variables = [(b"REQUEST_METHOD", b"GET"), (b"A" * 200, b"B" * 60_000), (b"C", b"D" * 20_000), (b"EMPTY", b"")]
    data = WIRES["FastCGI"].request(variables, b"hello")
    records = fastcgi.from_bytes(data).records
    names = ("version", "type", "requestId", "contentLength", "paddingLength")
    wanted = [field.value.split(" ")[0] for field in annotated("FastCGI", data) if field.name in names]
    found = [(r.version, r.type, r.request_id, r.content_length, r.padding_length) for r in records]
    assert [str(getattr(one, "value", one)) for record in found for one in record] == wanted
    params = b"".join(r.content_data for r in records if r.type == fastcgi.Type.params)
    stream = modules["fastcgi"].KaitaiStream(modules["fastcgi"].BytesIO(params))
    pairs = [(one.name_data, one.value_data) for one in fastcgi.Pairs(stream).pairs]
    assert pairs == in_latin(variables)
    assert b"".join(r.content_data for r in records if r.type == fastcgi.Type.stdin) == b"hello"


def test_kaitai_reads_fastcgi_specimens(modules: dict[str, ModuleType]) -> None:
    paths = sorted((ROOT / "fastcgi/specimens").glob("*.toml"))
    if not paths:
        pytest.skip("no specimens of FastCGI")
    for path in paths:
        specimen = load(path)
        for direction, data in (("request", specimen.request), ("response", specimen.response)):
            records = modules["fastcgi"].Fastcgi.from_bytes(data).records
            fields = annotated("FastCGI", data, "request" if direction == "request" else "response")
            wanted = [field.value.split(" ")[0] for field in fields if field.name in ("type", "contentLength")]
            found = [str(n) for r in records for n in (getattr(r.type, "value", r.type), r.content_length)]
            assert found == wanted, path
