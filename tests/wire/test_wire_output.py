"""`zoo wire -o`, `--body`, and what `--diff` and `replay --to` take: gateways of others, and two fronts."""

import json
import os
import stat
from pathlib import Path

import pytest
from recordings import Film
from typer.testing import CliRunner, Result
from wire_foreign_in_test import Gateway, Site, a_php, a_port, a_site, a_uwsgi, needs_php, recorded  # noqa: F401 - fixtures
from zoo_in_test import Zoo

from gateway_zoo.cli import app


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words, prog_name="zoo", catch_exceptions=False)


# --- --body -----------------------------------------------------------------------------------------------------------


def test_the_body_alone(zoo: Zoo, tmp_path: Path) -> None:
    """Byte by byte, in each protocol, through a front, by the program itself, and out of a recording."""
    for words in (["uwsgi"], ["fastcgi"], ["scgi"], ["wsgi"], ["ajp"], ["cgi", "--program"]):
        done = zoo.inside("wire", *words, "/hello", "--body")
        assert (done.exit_code, done.stdout, done.stderr) == (0, "Hello from the Gateway Zoo\n", ""), words
    assert zoo.cli("wire", "nginx:scgi", "/hello", "--body").stdout == "Hello from the Gateway Zoo\n"
    film = Film(tmp_path / "film.jsonl")
    film.scene("/x", answer=bytes(range(256)))
    assert run("wire", "--show", str(film.path), "1", "--body").stdout_bytes == bytes(range(256))


@needs_php
def test_problems_go_to_standard_error(php: Gateway) -> None:
    """A warning, with exit status 0; an answer in another protocol, with 1. Nothing but the body is on the output."""
    plain = run("wire", php.option, php.address, "/x", "--body")
    assert (plain.exit_code, plain.stdout) == (0, "File not found.\n")
    assert "--param SCRIPT_FILENAME=/path/in/its/filesystem.php" in plain.stderr
    wrong = run("wire", "--uwsgi", php.address, "/x", "--body")
    assert (wrong.exit_code, wrong.stdout) == (1, "")
    assert "zoo: " in wrong.stderr


# --- the file that a php-fpm is to run --------------------------------------------------------------------------------


@needs_php
def test_a_php_fpm_that_is_told_no_file(php: Gateway) -> None:
    warnings = json.loads(run("wire", php.option, php.address, "/x", "--json").stdout)["warnings"]
    assert warnings == ["a php-fpm must be told which file to run: --param SCRIPT_FILENAME=/path/in/its/filesystem.php"]
    absent = run("wire", php.option, php.address, "--param", "SCRIPT_FILENAME=/no/such.php", "--json")
    assert "no file /no/such.php for this gateway" in json.loads(absent.stdout)["warnings"][0]
    (param,) = php.params
    assert json.loads(run("wire", php.option, php.address, "--param", param, "--json").stdout)["warnings"] == []


# --- -o ---------------------------------------------------------------------------------------------------------------


@needs_php
def test_what_was_asked_is_kept(php: Gateway, tmp_path: Path) -> None:
    """As a recording, without secrets unless they are wanted; never over another file, and then nothing is asked."""
    file, (param,) = tmp_path / "k.jsonl", php.params
    words = ("wire", php.option, php.address, "/x", "--param", param, "-H", "Cookie: s3cr3t", "-o", str(file))
    assert run(*words).exit_code == 0
    (exchange,) = recorded(file)
    assert (exchange.target, exchange.status, exchange.exhibit, exchange.errors) == ("/x", 200, php.address, [])
    assert b"s3cr3t" not in bytes(exchange.request + exchange.response)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.read_bytes()
    again = run(*words)
    assert (again.exit_code, f"-o {file} exists" in again.output, file.read_bytes()) == (2, True, before)
    assert run(*words[:-1], str(tmp_path / "s.jsonl"), "--secrets").exit_code == 0
    assert b"s3cr3t" in bytes(recorded(tmp_path / "s.jsonl")[0].request)


def test_both_of_a_comparison_are_kept(uwsgi: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "k.jsonl"
    party = f"uwsgi:{uwsgi.address}"
    assert run("wire", "--diff", party, party, "/both", "-o", str(file)).exit_code == 0
    assert [(each.connection, each.target, each.status) for each in recorded(file)] == [
        (1, "/both", 200),
        (2, "/both", 200),
    ]


@pytest.mark.slow
def test_every_way_of_asking_is_kept(zoo: Zoo, tmp_path: Path) -> None:
    for number, words in enumerate((["uwsgi"], ["--via", "nginx", "scgi"], ["cgi", "--program"], ["asgi", "--watch"])):
        file = tmp_path / f"{number}.jsonl"
        done = zoo.cli("wire", *words, "/hello", "-o", str(file))
        assert done.returncode == 0, done.stderr
        assert [(each.method, each.status) for each in recorded(file)] == [("GET", 200)], words


def test_a_pcap_is_kept(uwsgi: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "k.pcap"
    assert run("wire", uwsgi.option, uwsgi.address, "/x", "-o", str(file)).exit_code == 0
    data = file.read_bytes()
    assert data[:4] == b"\xd4\xc3\xb2\xa1"
    assert b"REQUEST_URI\x02\x00/x" in data
    assert b"uwsgi " in data[data.index(b"REQUEST_URI") :]  # the answer; its pieces may lie in several packets


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("no/such/k", "No such file or directory; expected a file that can be written"),
        ("-", "no name of a file"),
        ("folder", "Is a directory"),
        ("mine", "exists, and no file is overwritten"),
        ("fifo", "expected a file that can be written"),
        ("dangling", "exists, and no file is overwritten"),
    ],
)
def test_a_file_that_cannot_be_made(tmp_path: Path, name: str, words: str) -> None:
    """No gateway is asked: that would be exit status 3. What was there stays."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "mine").write_text("mine", encoding="ascii")
    (tmp_path / "dangling").symlink_to(tmp_path / "mine")
    os.mkfifo(tmp_path / "fifo")
    before = sorted((path.name, path.lstat().st_ino, path.lstat().st_size) for path in tmp_path.iterdir())
    file = name if name == "-" else str(tmp_path / name)
    done = run("wire", "--fastcgi", f"127.0.0.1:{a_port()}", "/x", "-o", file)
    assert (done.exit_code, words in done.output) == (2, True), done.output
    assert sorted((path.name, path.lstat().st_ino, path.lstat().st_size) for path in tmp_path.iterdir()) == before


def test_nothing_is_kept_of_what_was_not_answered(tmp_path: Path) -> None:
    """A new file goes again; an empty one that was there stays."""
    old = tmp_path / "old"
    old.touch()
    for file in (tmp_path / "new", old):
        assert run("wire", "--fastcgi", f"127.0.0.1:{a_port()}", "/x", "-o", str(file)).exit_code == 3
    assert list(tmp_path.iterdir()) == [old]


# --- --diff and --to --------------------------------------------------------------------------------------------------


@needs_php
def test_two_gateways_of_others_are_compared(php: Gateway, uwsgi: Gateway) -> None:
    """In two protocols; each has its own name, also where both are one gateway."""
    names = f"fastcgi:{php.address}", f"uwsgi:{uwsgi.address}"
    done = json.loads(run("wire", "--diff", *names, "/x", "--json").stdout)
    assert [(side["exhibit"], side["protocol"]) for side in done["sides"]] == [
        (names[0], "FastCGI"),
        (names[1], "uwsgi"),
    ]
    text = run("wire", "--diff", *names, "/x").stdout
    assert "to the gateway: total" in text
    assert "from the gateway: total" in text


def test_two_fronts_are_compared(zoo: Zoo) -> None:
    """What nginx and Apache make of one request; and what Apache says that our own client does not."""
    done = json.loads(zoo.cli("wire", "--diff", "nginx:scgi", "apache:scgi", "/hello", "--json").stdout)
    values = {row["name"]: row for row in done["variables"]}
    nginx, apache = (value[0].partition("/")[0] for value in values["SERVER_SOFTWARE"]["values"])
    assert (nginx, apache) == ("nginx", "Apache")
    assert values["SCRIPT_NAME"] == {"name": "SCRIPT_NAME", "where": "both", "values": [["/scgi"], ["/scgi"]]}
    assert values["CONTEXT_PREFIX"]["where"] == "apache:scgi"
    mixed = json.loads(zoo.cli("wire", "--diff", "apache:uwsgi", "scgi", "/hello", "--json").stdout)
    assert [(side["exhibit"], side["protocol"]) for side in mixed["sides"]] == [
        ("apache:uwsgi", "uwsgi"),
        ("scgi", "SCGI"),
    ]
    inside = zoo.cli("wire", "--diff", "nginx:scgi", "apache:mod_wsgi", "/hello")
    assert (inside.returncode, "mod_wsgi behind apache cannot be seen" in inside.stderr) == (3, True), inside.stderr


@needs_php
def test_a_recording_is_replayed_to_a_gateway_of_others(php: Gateway, uwsgi: Gateway, tmp_path: Path) -> None:
    """The same bytes in the same protocol; in another one the recorded variables. No zoo runs."""
    file, (param,) = tmp_path / "k.jsonl", php.params
    words = ("--data", "body", "-H", "X-A: b", "--param", param)
    assert run("wire", php.option, php.address, "/x?a=b", *words, "-o", str(file)).exit_code == 0
    same = run("replay", str(file), "--to", f"fastcgi:{php.address}")
    assert (same.exit_code, same.stdout.splitlines()[-1]) == (0, "1 of 1 as recorded"), same.output
    (row,) = json.loads(run("replay", str(file), "--to", f"uwsgi:{uwsgi.address}", "--json").stdout)
    assert (row["status"], row["same"]) == (200, False)
    assert row["body"]["now"] == "uwsgi /x?a=bbody"
    silent = run("replay", str(file), "--to", f"scgi:127.0.0.1:{a_port()}")
    assert (silent.exit_code, "does not answer: Connection refused" in silent.stdout) == (1, True)


FORMS = "expected ID, FRONT:ID or PROTOCOL:ADDRESS"
BAD = {
    ("wire", "--diff", "fastcgi:nowhere", "scgi"): "fastcgi:nowhere: expected unix:PATH or HOST:PORT",
    ("wire", "--diff", "http://localhost:80/", "scgi"): "expected unix:PATH or HOST:PORT",
    ("wire", "--diff", "unix:/run/x.sock", "scgi"): FORMS,
    ("wire", "--diff", "127.0.0.1:9000", "scgi"): FORMS,
    ("wire", "--diff", "cgi:127.0.0.1:9000", "scgi"): FORMS,
    ("wire", "--diff", ":", "scgi"): FORMS,
    ("wire", "--diff", "nginx:sgci", "scgi"): "unknown exhibit 'sgci'; did you mean '",
    ("wire", "--diff", "nginx:", "scgi"): "unknown exhibit ''",
    ("wire", "--diff", "nginx:apache:scgi", "scgi"): "unknown exhibit 'apache:scgi'",
    ("wire", "--diff", "scgi", "ajp", "uwsgi"): "two gateways are compared, not 3",
    ("wire", "--diff", "scgi"): "two gateways are compared, not 1",
    ("wire", "--diff", "nginx:scgi", "scgi", "--param", "A=b"): "with --via the front makes the variables",
    ("wire", "--diff", "nginx:scgi", "scgi", "--via", "nginx"): "--via takes exhibits, not nginx:scgi",
    ("wire", "fastcgi:127.0.0.1:9", "--program"): "--program takes exhibits, not fastcgi:127.0.0.1:9",
    ("wire", "nginx:scgi", "--ask", "x"): "with --via the front makes the messages",
    ("wire", "scgi", "--body", "--json"): "--json does not go with it",
    ("wire", "scgi", "--body", "--hex"): "--hex does not go with it",
    ("wire", "scgi", "--body", "--all"): "--all does not go with it",
    ("wire", "scgi", "--body", "--watch"): "--watch does not go with it",
    ("wire", "--diff", "scgi", "ajp", "--body"): "--diff does not go with it",
    ("wire", "--show", "/dev/null", "--body"): "give its number, too",
    ("wire", "--show", "/dev/null", "1", "-o", "x"): "--show asks no gateway",
    ("replay", "/dev/null", "--to", "nginx:scgi"): "a front makes its own variables",
    ("replay", "/dev/null", "--to", "fastcgi:"): "fastcgi:: expected unix:PATH or HOST:PORT",
    ("replay", "/dev/null", "--to", "fcgi:127.0.0.1:9"): FORMS,
    ("replay", "/dev/null", "--to", "scig"): "did you mean 'scgi'?",
}


@pytest.mark.parametrize(("words", "sentence"), BAD.items(), ids=lambda words: " ".join(words)[:60])
def test_a_command_line_that_makes_no_sense(words: tuple[str, ...], sentence: str) -> None:
    done = run(*words)
    assert (done.exit_code, sentence in done.output) == (2, True), done.output
