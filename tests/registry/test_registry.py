"""cage.toml: what is there loads, and what is wrong is told with file, field and what was expected, not a traceback."""

from pathlib import Path

import pytest
from zoo_in_test import ROOT

from gateway_zoo.keeper import fronts
from gateway_zoo.registry import plans
from gateway_zoo.registry.cages import Registry, load
from gateway_zoo.settings import Settings

GOOD = """
title = "Good"
year = 2001
specification = "none"
interface = "WSGI"
protocol = "SCGI"

[[family]]
id = "good"
server = "flup 1.0.3"
model = "threads"
processes = 1
threads = 4
command = ["python", "{cage}/serve.py", "{good}"]

[[exhibit]]
id = "good"
family = "good"
about = "an example"
unix = "good.sock"
fronts = ["nginx"]
closed = { apache = "only an example" }
"""


def cage(root: Path, name: str, text: str | bytes) -> Path:
    """A cage folder with this cage.toml and a launcher."""
    folder = root / name
    folder.mkdir()
    (folder / "serve.py").touch()
    (folder / "cage.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder / "cage.toml"


def renamed(name: str) -> str:
    """The good cage under another name, socket included."""
    return GOOD.replace("good", name)


def complaint(registry: Registry) -> str:
    """The one error of a registry."""
    assert len(registry.errors) == 1, registry.errors
    return str(registry.errors[0])


def test_every_cage_of_the_zoo_loads() -> None:
    registry = load(ROOT)
    assert registry.errors == []
    assert {cage.name for cage in registry.cages} == {path.parent.name for path in ROOT.glob("*/cage.toml")}
    assert len(registry.exhibits) >= 28


def test_the_example_loads(tmp_path: Path) -> None:
    cage(tmp_path, "good", GOOD)
    registry = load(tmp_path)
    assert registry.errors == []
    assert registry.exhibits["good"].unix == "good.sock"
    assert registry.families["good"].slots == 4
    assert registry.cage_of("good").path == tmp_path / "good"


#: What is replaced in the example, by what; the field that the message must name; what it must expect.
MISTAKES = [
    ("title = ", "titel = ", "titel", "unknown; expected one of 'title', 'year'"),
    ('title = "Good"', "", "title", "missing; expected text"),
    ("year = 2001", "", "year", "missing; expected a whole number"),
    ("year = 2001", 'year = "2001"', "year", "Expected `int`, got `str`"),
    ("year = 2001", "year = true", "year", "Expected `int`, got `bool`"),
    ("year = 2001", "year = nan", "year", "Expected `int`, got `float`"),
    ("year = 2001", "year = -2001", "year", "-2001; expected the year in which it appeared"),
    ("year = 2001", "year = 2001-02-03", "year", "Expected `int`"),
    ("year = 2001", f"year = 1{'0' * 30}", "year", "expected the year in which it appeared"),
    ('title = "Good"', 'title = "a\\u001b[2Jb"', "title", "expected text without control characters"),
    ('"WSGI"', '"WGSI"', "interface", "'WGSI'; expected one of 'CGI program', 'WSGI'"),
    ('"SCGI"', '"SGCI"', "protocol", "'SGCI'; expected one of 'CGI', 'FastCGI'"),
    ('"threads"', '"threds"', "family[0].model", "'threds'; expected one of 'fork per request'"),
    ("processes = 1", "processes = -1", "family[0].processes", "-1; expected 0 (no limit) or more"),
    ("processes = 1", "processes = 1.5", "family[0].processes", "Expected `int`, got `float`"),
    ("threads = 4", "threads = -inf", "family[0].threads", "Expected `int`, got `float`"),
    ("threads = 4", "thread = 4", "family[0].thread", "unknown; expected one of 'id', 'server'"),
    ("threads = 4", "", "family[0].threads", "missing; expected a whole number"),
    ("threads = 4", 'threads = 4\nstop_signal = "TERMINATE"', "family[0].stop_signal", "a signal's name without SIG"),
    ("threads = 4", 'threads = 4\nstop_signal = "_DFL"', "family[0].stop_signal", "a signal's name without SIG"),
    ("threads = 4", 'threads = 4\nstop_signal = ""', "family[0].stop_signal", "a signal's name without SIG"),
    ("threads = 4", 'threads = 4\nruns_in = "lighttpd"', "family[0].runs_in", "one of 'nginx', 'apache'"),
    ('id = "good"\nserver', 'id = "Good!"\nserver', "family[0].id", "lower-case letters"),
    ('id = "good"\nserver', 'id = "nginx"\nserver', "family[0].id", "none of 'nginx', 'apache', 'apache-worker'"),
    ('["python", "{cage}/serve.py", "{good}"]', "[]", "family[0].command", "the words that start it, or runs_in"),
    ('["python", "{cage}/serve.py", "{good}"]', '"python"', "family[0].command", "Expected `array`, got `str`"),
    ("{cage}/serve.py", "{cage}/absent.py", "family[0].command", "expected a file inside"),
    ("{cage}/serve.py", "{cage}/../serve.py", "family[0].command", "expected a file inside"),
    ("{cage}/serve.py", "../scgi/serve.py", "family[0].command", "expected a file inside"),
    ("{cage}/serve.py", "/etc/passwd", "family[0].command", "expected a file inside"),
    ("{good}", "{goood}", "family[0].command", "expected {cage} or an exhibit of this file in place of {goood}"),
    ("{good}", "{good}\\u0000", "family[0].command[2]", "expected text without control characters"),
    ('id = "good"\nfamily', 'id = "apache"\nfamily', "exhibit[0].id", "none of 'nginx', 'apache'"),
    ('id = "good"\nfamily', 'id = "1"\nfamily', "exhibit[0].id", "lower-case letters"),
    ('family = "good"', 'family = "bad"', "exhibit[0].family", "'bad'; expected one of 'good'"),
    ('about = "an example"', "", "exhibit[0].about", "missing; expected text"),
    ('about = "an example"', 'about = "a"\nprotocol = "TCP"', "exhibit[0].protocol", "'TCP'; expected one of"),
    ('about = "an example"', 'about = "a"\ntcp = 9999', "exhibit[0].tcp", "expected unix or tcp, not both"),
    ('unix = "good.sock"', "", "exhibit[0].unix", "expected an address (unix or tcp)"),
    ('unix = "good.sock"', 'unix = "../good.sock"', "exhibit[0].unix", "expected a bare file name"),
    ('unix = "good.sock"', 'unix = ".."', "exhibit[0].unix", "expected a bare file name"),
    ('unix = "good.sock"', 'unix = "a b;c"', "exhibit[0].unix", "expected a bare file name"),
    ('unix = "good.sock"', "tcp = 80", "exhibit[0].tcp", "80; expected a port from 1024 to 32767"),
    ('unix = "good.sock"', "tcp = -9001", "exhibit[0].tcp", "-9001; expected a port from 1024 to 32767"),
    ('unix = "good.sock"', "tcp = 90001", "exhibit[0].tcp", "90001; expected a port from 1024 to 32767"),
    ('["nginx"]', '["nginx", "lighttpd"]', "exhibit[0].fronts[1]", "'lighttpd'; expected one of 'nginx', 'apache'"),
    (
        '["nginx"]',
        '["nginx", "apache"]',
        "exhibit[0].closed",
        "'apache'; expected it in fronts or in closed, not in both",
    ),
    ('["nginx"]', "[]", "exhibit[0].fronts", "[]; expected 'nginx' too, or in closed the reason"),
    ('"only an example"', '""', "exhibit[0].fronts", "expected 'apache' too, or in closed the reason"),
    ("apache = ", "iis = ", "exhibit[0].closed", "'iis'; expected one of 'nginx', 'apache'"),
    (
        'unix = "good.sock"',
        'unix = "good.sock"\npage = "x"',
        "exhibit[0].page",
        "'x'; expected a path below the exhibit, such as '/'",
    ),
    (
        'unix = "good.sock"',
        'unix = "good.sock"\nask = [{ path = "/x" }]',
        "exhibit[0].ask[0].path",
        "without a leading",
    ),
    ('unix = "good.sock"', 'unix = "good.sock"\nask = [{ }]', "exhibit[0].ask[0].path", "missing; expected text"),
    (
        'unix = "good.sock"',
        'unix = "good.sock"\nask = [{ pat = "x" }]',
        "exhibit[0].ask[0].pat",
        "one of 'path', 'stat",
    ),
    (
        'unix = "good.sock"',
        'unix = "good.sock"\nask = [{ path = "x", upgrade = true }]',
        "exhibit[0].ask[0].status",
        "200; expected 101 for a WebSocket handshake, and only for one",
    ),
    ('protocol = "SCGI"', 'protocol = "SCGI"\npages = ["news"]', "pages[0]", "'news'; expected a path, such as"),
    (
        'protocol = "SCGI"',
        'protocol = "SCGI"\nask_all = [{ path = "x", interfaces = ["PSGI"] }]',
        "ask_all[0].interfaces[0]",
        "'PSGI'; expected one of 'CGI program', 'WSGI'",
    ),
    ("threads = 4", 'threads = 4\nmpm = "winnt"', "family[0].mpm", "'winnt'; expected one of 'event', 'worker'"),
    ("threads = 4", 'threads = 4\nmpm = "prefork"', "family[0].mpm", "expected runs_in = 'apache' too"),
    ("threads = 4", 'threads = 4\nserves = ["godo"]', "family[0].serves", "'godo'; expected exhibits of this file"),
    ("threads = 4", 'threads = 4\nsockets = ["../x"]', "family[0].sockets[0]", "'../x'; expected a bare file name"),
    ('id = "good"\nfamily', 'id = "run"\nfamily', "exhibit[0].id", "none of 'nginx', 'apache'"),
    ("threads = 4", 'threads = 4\ngroup = "A b"', "family[0].group", "a word in lower-case letters"),
    (
        "threads = 4",
        'threads = 4\nserves = ["*"]',
        "family[0].serves",
        "for a family without one of its own, and only then",
    ),
    ("[[exhibit]]", "[exhibit]", "exhibit", "Expected `array`, got `object`"),
]


@pytest.mark.parametrize(("old", "new", "field", "expected"), MISTAKES, ids=[f"{m[2]}-{m[1][:20]!r}" for m in MISTAKES])
def test_a_mistake_is_told_with_file_field_and_expectation(
    tmp_path: Path, old: str, new: str, field: str, expected: str
) -> None:
    assert GOOD.count(old) == 1, "the example must hold it once"
    path = cage(tmp_path, "bad", GOOD.replace(old, new))
    cage(tmp_path, "other", renamed("other"))
    registry = load(tmp_path)
    message = complaint(registry)
    assert message.startswith(f"{path}: {field}: "), message
    assert expected in message
    assert [c.name for c in registry.cages] == ["other"], "the other cages still open"


#: What stands in the file as a whole, and what the message says after its name.
FILES: list[tuple[str, str | bytes, str]] = [
    ("empty", "", "title: missing; expected text"),
    ("not TOML", "title: Good\n", "top level: Expected '=' after a key in a key/value pair (at line 1, column 6)"),
    ("not UTF-8", b'title = "\xff"\n', "top level: 'utf-8' codec can't decode byte 0xff"),
    ("cut off", GOOD[:300], "top level: "),
    ("a key twice", GOOD.replace("year", 'title = "again"\nyear'), "top level: Cannot overwrite a value"),
    ("deep", "title = " + "[" * 100_000, "top level: "),
]


@pytest.mark.parametrize(("text", "said"), [row[1:] for row in FILES], ids=[row[0] for row in FILES])
def test_a_file_that_is_no_cage_file(tmp_path: Path, text: str | bytes, said: str) -> None:
    path = cage(tmp_path, "bad", text)
    message = complaint(load(tmp_path))
    assert message.startswith(f"{path}: {said}"), message
    assert "expected" in message


def test_a_directory_named_cage_toml(tmp_path: Path) -> None:
    (tmp_path / "bad" / "cage.toml").mkdir(parents=True)
    assert complaint(load(tmp_path)) == f"{tmp_path}/bad/cage.toml: top level: not a file; expected a text file in TOML"


def test_a_launcher_that_is_a_link_out_of_the_cage(tmp_path: Path) -> None:
    path = cage(tmp_path, "bad", GOOD)
    (path.parent / "serve.py").unlink()
    (path.parent / "serve.py").symlink_to("/etc/passwd")
    assert "family[0].command: '{cage}/serve.py'; expected a file inside" in complaint(load(tmp_path))


#: The second cage, and the name that is taken in the first.
TAKEN = [
    (GOOD, "exhibit good"),
    (renamed("new").replace("new.sock", "good.sock"), "socket good.sock"),
    (
        renamed("new")
        .replace('id = "new"\nserver', 'id = "good"\nserver')
        .replace('family = "new"', 'family = "good"'),
        "",
    ),
    (renamed("new").replace('id = "new"\nfamily', 'id = "good"\nfamily').replace("{new}", "{good}"), "exhibit good"),
]


@pytest.mark.parametrize(("text", "name"), TAKEN, ids=["all", "socket", "family", "exhibit"])
def test_ids_and_addresses_are_unique_in_the_zoo(tmp_path: Path, text: str, name: str) -> None:
    first, second = cage(tmp_path, "a", GOOD), cage(tmp_path, "b", text)
    registry = load(tmp_path)
    message = complaint(registry)
    assert message.startswith(f"{second}: "), message
    assert f"{name or 'family good'} is taken by {first}; expected one of its own" in message
    assert [c.name for c in registry.cages] == ["a"]


def test_a_port_is_taken_once(tmp_path: Path) -> None:
    cage(tmp_path, "a", GOOD.replace('unix = "good.sock"', "tcp = 9001"))
    cage(tmp_path, "b", renamed("new").replace('unix = "new.sock"', "tcp = 9001"))
    assert "tcp: port 9001 is taken by" in complaint(load(tmp_path))


def test_ids_are_unique_in_one_file(tmp_path: Path) -> None:
    cage(tmp_path, "a", GOOD + GOOD[GOOD.index("[[exhibit]]") :].replace("good.sock", "other.sock"))
    assert "id: exhibit good is taken by" in complaint(load(tmp_path))


def test_a_family_may_not_have_the_name_of_a_foreign_exhibit(tmp_path: Path) -> None:
    """`zoo restart NAME` and {NAME} would mean two things."""
    cage(tmp_path, "a", GOOD.replace('id = "good"\nserver', 'id = "fam"\nserver').replace('y = "good"', 'y = "fam"'))
    assert load(tmp_path).errors == []
    other = renamed("new").replace('id = "new"\nserver', 'id = "good"\nserver').replace('y = "new"', 'y = "good"')
    cage(tmp_path, "b", other)
    assert "id: family good is taken by" in complaint(load(tmp_path))


def test_the_fragments_of_a_broken_cage_are_left_out(tmp_path: Path) -> None:
    """nginx would not start: the fragment names upstreams that nobody has defined."""
    root, run = tmp_path / "root", tmp_path / "run"
    run.mkdir()
    root.mkdir()
    cage(root, "good", GOOD)
    cage(root, "bad", "title = 1")
    for front in ("nginx", "apache"):
        (root / front / "cages").mkdir(parents=True)
        for name in ("good", "bad"):
            (root / front / "cages" / f"{name}.conf").touch()
    made = plans.make(Settings(root=root, run=run))
    for front in ("nginx", "apache"):
        fronts.write(front, made)
        fronts.write(front, made)  # a second start finds what the first one made
        assert [path.name for path in (run / front / "cages").iterdir()] == ["good.conf"]


def test_the_registry_answers_for_each_exhibit() -> None:
    registry = load(ROOT)
    assert registry.exhibits is registry.exhibits
    assert (registry.family_of("fastcgi").id, registry.protocol_of("fastcgi")) == ("fastcgi", "FastCGI")
    assert (registry.protocol_of("cgi"), registry.socket_protocol("cgi")) == ("CGI", "FastCGI")
    assert (registry.interface_of("cgi"), registry.interface_of("asgi")) == ("CGI program", "ASGI")
    assert registry.socket_protocol("mod_wsgi-embedded") == "none"
    assert (registry.runs_inside("cgi", "apache-itk"), registry.runs_inside("cgi", "nginx")) == (True, False)
    with pytest.raises(KeyError):
        registry.family_of("none")


def test_a_front_that_starts_with_nothing_leaves_the_plan() -> None:
    plan = plans.make(Settings(root=ROOT, run=ROOT))
    fewer = plans.without(plan, {front: {plans.ALL: "broken"} for front in plan.fronts[:1]})
    assert fewer.fronts == plan.fronts[1:]
    assert {cell.closed for cell in fewer.open_cells if cell.front in plan.fronts[:1]} == set()
