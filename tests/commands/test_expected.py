"""Commands and words that people expect: status, version, help, other tools' names for up and down, completion."""

import json
import re
import subprocess

import pytest
from zoo_in_test import REGISTRY, ROOT, Zoo

from gateway_zoo import cli_group
from gateway_zoo.commands.status import duration, lines
from gateway_zoo.commands.tables import exhibits
from gateway_zoo.measure.status import Status
from gateway_zoo.registry import plans
from gateway_zoo.settings import read_settings


def test_the_help_has_whole_sentences(fresh_zoo: Zoo) -> None:
    for words in (["--help"], ["-h"], ["help"], ["lab", "-h"]):
        done = fresh_zoo.inside(*words)
        assert done.exit_code == 0
        assert "..." not in done.output.partition("Commands:")[2], words


@pytest.mark.parametrize("words", [["up"], ["lab"], ["lab", "c10k"]], ids=" ".join)
def test_help_shows_what_the_option_shows(fresh_zoo: Zoo, words: list[str]) -> None:
    assert fresh_zoo.inside("help", *words).output == fresh_zoo.inside(*words, "--help").output


def test_help_of_nothing_is_corrected(fresh_zoo: Zoo) -> None:
    done = fresh_zoo.inside("help", "fastcgi")
    assert (done.exit_code, "unknown command 'fastcgi'" in done.stderr) == (2, True)
    done = fresh_zoo.inside("help", "up", "wsgi")
    assert (done.exit_code, "'up' has no commands below it" in done.stderr) == (2, True)


@pytest.mark.parametrize(("word", "command"), [("start", "up"), ("stop", "down"), ("list", "ls"), ("statsu", "status")])
def test_another_word_leads_to_the_command(fresh_zoo: Zoo, word: str, command: str) -> None:
    done = fresh_zoo.inside(word)
    assert (done.exit_code, f"unknown command '{word}'; did you mean '{command}'?" in done.stderr) == (2, True)


def test_every_other_word_leads_to_a_command_that_exists(fresh_zoo: Zoo) -> None:
    commands = re.findall(r"^  (\w+) ", fresh_zoo.inside("--help").output, re.MULTILINE)
    assert set(cli_group.MEANT.values()) <= set(commands)
    assert not set(cli_group.MEANT) & set(commands)


def test_version_names_every_server(fresh_zoo: Zoo) -> None:
    rows = {row["name"]: row for row in json.loads(fresh_zoo.inside("version", "--json").stdout)}
    assert {"zoo", "Python", "nginx", "apache2", "flup", "gunicorn", "uvicorn", "waitress", "uwsgi"} <= set(rows)
    assert all(row["version"] or row["why"] for row in rows.values())
    assert re.match(r"\d+\.\d+", rows["nginx"]["version"])
    shown = fresh_zoo.inside("--version")
    assert shown.exit_code == 0
    assert all(name in shown.stdout for name in rows)


def test_status_of_a_zoo_that_runs(zoo: Zoo) -> None:
    done = zoo.cli("status", "--json")
    facts = json.loads(done.stdout)
    assert (done.returncode, facts["down"]) == (0, [])
    assert (facts["runs"], facts["opened"]) == (True, len(zoo.open_cells()))
    assert facts["fronts"]["nginx"] == f"http://127.0.0.1:{zoo.ports['nginx']}"
    text = zoo.cli("status").stdout
    assert f"a zoo runs in {zoo.run}, for " in text
    assert "all is well" in text


def test_status_where_no_zoo_runs(fresh_zoo: Zoo) -> None:
    done = fresh_zoo.cli("status")
    assert (done.returncode, done.stdout) == (3, f"no zoo runs in {fresh_zoo.run}; ./zoo up starts it\n")
    assert json.loads(fresh_zoo.cli("status", "--json").stdout)["runs"] is False


def test_durations_have_the_unit_that_a_person_would_say() -> None:
    assert [duration(s) for s in (12.4, 185, 7500, 273_600)] == ["12 s", "3 min", "2 h 5 min", "3 d 4 h"]
    assert "for" not in lines(Status(True, "/run", {}, None, 1, 0, []))[0], "in containers no start is known"


# --- completion -------------------------------------------------------------------------------------------------------


def test_bash_completes_commands_and_exhibits() -> None:
    """In a real bash, as the Tab key does it: also for `./zoo`."""
    ids = [id for id in REGISTRY.exhibits if id.startswith("fast")]
    for word in ("zoo", "./zoo"):
        script = f"""
            eval "$(./zoo completion bash)"
            PATH=$PWD:$PATH
            complete -p zoo >/dev/null || exit 1
            COMP_WORDS=({word} check fast) COMP_CWORD=2 COMPREPLY=()
            _zoo_completion {word}
            echo "${{COMPREPLY[@]}}"
            COMP_WORDS=({word} dow) COMP_CWORD=1
            _zoo_completion {word}
            echo "${{COMPREPLY[@]}}"
        """
        done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.stdout.splitlines() == [" ".join(ids), "down"], done.stderr


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_zsh_and_fish_get_exhibits_from_the_same_place(shell: str, fresh_zoo: Zoo) -> None:
    env = {
        "_ZOO_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": "zoo check fast",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
    }
    assert "fastcgi-fork" in fresh_zoo.cli(env=env).stdout
    assert "_ZOO_COMPLETE" in fresh_zoo.inside("completion", shell).stdout


def test_an_unknown_shell_is_corrected(fresh_zoo: Zoo) -> None:
    done = fresh_zoo.inside("completion", "tcsh")
    assert (done.exit_code, "expected bash, zsh or fish" in done.stderr) == (2, True)


def test_up_says_what_its_pages_are(zoo: Zoo) -> None:
    settings = read_settings(zoo.env | {"ZOO_ROOT": str(zoo.root)})
    shown = "\n".join(exhibits.lines(plans.make(settings), 120))
    for path, title in (("/news/", "Four ways to hear news"), ("/pages/", "Static and dynamic pages")):
        assert re.search(rf"in a browser +http://localhost:{zoo.ports['nginx']}{path} +{title}$", shown, re.MULTILINE)
    narrow = exhibits.lines(plans.make(settings), 80)
    assert max(map(len, narrow)) <= 80
    assert {"Four ways to hear news", "Static and dynamic pages"} <= {line.strip() for line in narrow}
