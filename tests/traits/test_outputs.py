"""The outputs of a matrix: groups and names, text at two widths, Markdown, changes, wrong files and words."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from matrix_in_test import BYTES, PID, SLOW, changed, small
from typer.testing import CliRunner, Result
from zoo_in_test import REGISTRY, ROOT

from gateway_zoo.cli import app
from gateway_zoo.errors import Stop
from gateway_zoo.settings import blocks
from gateway_zoo.traits import __main__ as written
from gateway_zoo.traits import files, groups
from gateway_zoo.traits.changes import changes
from gateway_zoo.traits.show import lines, markdown
from gateway_zoo.traits.show.view import view

FACTS = [PID, BYTES, SLOW]


def words(trait: Any) -> list[tuple[str, str]]:
    found = groups.groups(groups.answers_of(small(), trait))
    return [(group.text, groups.in_words(group, found)) for group in found]


def zoo(*given: str, columns: int = 80) -> Result:
    env = {"ZOO_ROOT": str(ROOT), "ZOO_RUN": "/tmp/no-zoo-here", "COLUMNS": str(columns)}  # noqa: S108
    return CliRunner().invoke(app, ["traits", *given], env=env, prog_name="zoo", catch_exceptions=False)


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A file as --json writes it."""
    path = tmp_path / "matrix.json"
    path.write_bytes(msgspec.json.encode(small()))
    return str(path)


# --- groups -----------------------------------------------------------------------------------------------------------


def test_cells_with_one_answer_stand_together_under_few_names() -> None:
    assert words(PID) == [("yes", "cgi"), ("no", "all others (7 cells)")]
    assert words(BYTES) == [
        ("as nginx does", "all behind nginx (4 cells)"),
        ("as apache does", "all behind apache (4 cells)"),
        ("not asked: it lives inside apache", "mod_wsgi"),
    ]
    assert words(SLOW) == [
        ("varies: nobody or the front", "nginx:scgi"),
        ("unknown: it hung", "apache:uwsgi"),
        ("the front", "all others (6 cells)"),
        ("not asked: it lives inside apache", "mod_wsgi"),
    ]
    (nginx, *_) = groups.groups(groups.answers_of(small(), BYTES))
    assert groups.figures(nginx, "bytes") == "103 to 107 bytes"


# --- text -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 120])
def test_the_whole_fits_the_terminal_and_names_every_answer(width: int) -> None:
    for shown in (
        lines.whole(small(), width),
        lines.in_short(small(), width),
        lines.one_exhibit(small(), "scgi", width),
    ):
        texts = [text for text, _ in shown]
        assert max(map(len, texts)) <= width
    text = "\n".join(text for text, _ in lines.whole(small(), width))
    assert re.search(r"yes +cgi\n +no +all others \(7 cells\)", text)
    assert "own program, not asked: pages" in text
    assert "nginx 1.22.1, flup 1.0.3" in text


def test_one_exhibit_is_told_and_says_where_its_fronts_differ() -> None:
    text = "\n".join(text for text, _ in lines.one_exhibit(small(), "scgi", 200))
    assert "Is the process new with each request? No." in text
    assert "Who gives up first? Behind nginx: varies: nobody or the front; behind apache: the front." in text
    assert "nginx and apache agree in 1 of 3 answers" in text


def test_of_two_exhibits_only_what_differs_is_shown() -> None:
    text = "\n".join(text for text, _ in lines.two_exhibits(small(), "cgi", "fastcgi", 80))
    assert re.search(r"cgi +yes\n +fastcgi +no\n", text)
    assert "How many bytes" not in text
    assert "6 answers the same; only what differs is shown." not in text
    assert "4 answers the same; only what differs is shown." in text


def test_evidence_cannot_command_a_terminal(file: str) -> None:
    done = zoo("--from", file, "-t", "pid_each_time", "cgi", "--evidence")
    assert (done.exit_code, "\x1b" in done.stdout) == (0, False)
    assert "pid_each_time: cgi behind nginx: yes\n  request\n    GET / HTTP/1.1\n" in done.stdout
    assert "\\x1b[31mred" in done.stdout


def test_markdown_is_a_table_that_github_renders() -> None:
    text = markdown.whole(small())
    assert "| Is the process new with each request? | **yes**: cgi<br>**no**: all others (7 cells) |\n" in text
    assert "mod\\_wsgi" in text
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert {line.replace("\\|", "").count("|") for line in table.splitlines()} == {3}


def test_the_page_gets_numbers_of_cells_and_no_evidence() -> None:
    shown = view(small())
    assert (shown.fronts, shown.own, len(shown.cells)) == (["nginx", "apache"], ["pages"], 9)
    yes, no = shown.rows[0].answers
    assert [name.cells for name in yes.names] == [[0, 1]]
    assert sorted(cell for name in (*yes.names, *no.names) for cell in name.cells) == list(range(9))
    assert b"evidence" not in msgspec.json.encode(shown)


# --- changes ----------------------------------------------------------------------------------------------------------


def test_a_changed_answer_is_told_from_what_to_what() -> None:
    new = changed(small(), "pid_each_time", ("fastcgi", "nginx"), "yes")
    new = msgspec.structs.replace(new, versions={"nginx": "1.22.1", "flup": "2.0"})
    found = changes(small(), new)
    assert [(v.name, v.before, v.after) for v in found.versions] == [("flup", "1.0.3", "2.0")]
    ((change),) = found.changes
    assert (change.kind, change.trait, change.exhibit, change.front) == ("changed", "pid_each_time", "fastcgi", "nginx")
    assert (change.before, change.after) == ("no", "yes")
    assert found.compared == 3 * 9


@pytest.mark.parametrize(
    ("trait", "cell", "answers", "figure", "differs"),
    [
        ("gives_up", ("scgi", "nginx"), ["nobody"], None, ""),  # one face of an answer that varies
        ("gives_up", ("scgi", "nginx"), ["nobody", "both"], None, "varies: nobody or both"),
        ("gives_up", ("uwsgi", "apache"), ["the front"], None, "the front"),  # it was unknown
        ("wire_bytes", ("cgi", "nginx"), ["as nginx does"], 120.0, ""),  # within 20 %
        ("wire_bytes", ("cgi", "nginx"), ["as nginx does"], 130.0, "as nginx does, 130 bytes"),
        ("wire_bytes", ("cgi", "nginx"), ["as nginx does"], None, "as nginx does"),  # the figure is lost
    ],
)
def test_what_counts_as_a_change(
    trait: str, cell: tuple[str, str], answers: list[str], figure: float | None, differs: str
) -> None:
    found = changes(small(), changed(small(), trait, cell, *answers, figure=figure)).changes
    assert [change.after for change in found] == ([differs] if differs else [])


def test_new_and_gone_cells_are_named_but_a_stopped_measurement_has_lost_nothing() -> None:
    part = groups.choose(small(), ["pid_each_time"], [], "", quick=False)
    assert {
        (c.kind, c.before) for c in changes(small(), part).changes if c.trait == "wire_bytes" and c.front == "nginx"
    } == {("gone", "as nginx does")}
    assert {
        (c.kind, c.after) for c in changes(part, small()).changes if c.exhibit == "scgi" and c.trait == "gives_up"
    } == {
        ("new", "varies: nobody or the front"),
        ("new", "the front"),
    }
    assert changes(small(), msgspec.structs.replace(part, complete=False)).changes == []


def test_diff_shows_versions_first(file: str, tmp_path: Path) -> None:
    new = changed(small(), "pid_each_time", ("cgi", "apache"), "no")
    (tmp_path / "new.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(new, versions={"nginx": "1.26"})))
    done = zoo("--diff", file, str(tmp_path / "new.json"))
    assert done.exit_code == 0
    assert done.stdout.startswith("versions that differ: nginx 1.22.1 → 1.26, flup 1.0.3 → (not there)\n")
    assert "pid_each_time\n  yes → no\n    apache:cgi\n1 difference; 27 answers compared" in done.stdout
    records = json.loads(zoo("--diff", file, str(tmp_path / "new.json"), "--json").stdout)
    assert [change["after"] for change in records["changes"]] == ["no"]


# --- wrong words and files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["-t", "pid_each_tyme"], "unknown trait 'pid_each_tyme'; did you mean 'pid_each_time'?"),
        (["fastgci"], "unknown exhibit 'fastgci'; did you mean 'fastcgi'?"),
        (["null_byte"], "null_byte is a trait and no exhibit; zoo traits -t null_byte asks it"),
        (["--front", "ngnix"], "unknown front 'ngnix'; "),
        (["--json", "--markdown"], "--json and --markdown are two forms of the output; expected one"),
        (["--keep", "--expected"], "--expected and --keep do not go together"),
        (["--html", "/no/folder/x.html"], "/no/folder/x.html: expected a file in a folder that exists"),
        (["--from", "/no/file"], "/no/file cannot be read: No such file or directory"),
        (["--from", "/"], "/ is no file; expected a file that zoo traits --json wrote"),
    ],
)
def test_wrong_words_exit_2_and_say_what_is_right(given: list[str], says: str) -> None:
    done = zoo(*given)
    assert (done.exit_code, done.stdout) == (2, "")
    assert says in done.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "is no JSON"),
        (b"GIF89a\xff\x00", "is no JSON"),
        (b"[1]", "is no matrix of traits"),
        (b'{"rounds": 5}', "is no matrix of traits: it has no schema, or no traits"),
        (b'{"schema": 99, "traits": []}', "has schema 99; this zoo reads schema 1"),
        (b'{"schema": 1, "traits": [], "made": 7}', "is no matrix of traits: Expected `str`, got `int` - at `$.made`"),
    ],
)
def test_a_wrong_file_is_named_with_what_would_be_right(tmp_path: Path, text: bytes, says: str) -> None:
    path = tmp_path / "odd.json"
    path.write_bytes(text)
    with pytest.raises(Stop) as stop:
        files.read(str(path), REGISTRY, FACTS)
    assert says in stop.value.text
    assert stop.value.status == 2


# --- generated blocks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", written.BLOCKS)
def test_a_generated_block_has_not_drifted(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert text == blocks.with_block(written.BLOCKS, name, text), "python -m gateway_zoo.traits writes it"


def test_every_field_of_the_records_is_documented() -> None:
    text = (ROOT / "gateway_zoo/traits/README.md").read_text(encoding="utf-8")
    for struct in written.STRUCTS:
        assert all(f"| `{field}` |" in text for field in struct.__struct_fields__), struct
