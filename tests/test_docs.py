"""README and labels are true: every console block is run, every exhibit is asked, every label has its parts."""

import doctest
import os
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from docs_in_test import examples
from zoo_in_test import APACHES, REGISTRY, ROOT, TLS, Zoo

from gateway_zoo.registry import plans
from gateway_zoo.wire import labels

WIRE = ROOT / "gateway_zoo/wire/README.md"
PAGES = [
    ROOT / "README.md",
    ROOT / "nginx/TLS.md",
    WIRE,
    *sorted(path.parent / "README.md" for path in ROOT.glob("*/cage.toml")),
]
MPMS = ROOT / "apache/mpm/README.md"  # starts a zoo of its own
LINES = 60  # one screen of a projector, wrapped text included


@pytest.fixture(scope="module")
def whole_zoo() -> Iterator[Zoo]:
    """With the optional parts."""
    with Zoo() as made:
        yield made.up("--echo", *(f"--with={group}" for group in plans.groups(REGISTRY)))


def with_ports_of(zoo: Zoo, command: str) -> str:
    """The command for this zoo instead of one on the default ports."""
    ports = {8080: zoo.ports["nginx"], 8443: zoo.ports["nginx"] + TLS, 8444: zoo.ports["apache"] + TLS}
    ports |= {8081 + number: zoo.ports["apache"] + number for number in range(APACHES)}
    return re.sub(r":(8\d{3})\b", lambda match: f":{ports[int(match[1])]}", command)


@pytest.fixture(scope="module")
def outputs(whole_zoo: Zoo) -> dict[Path, list[str]]:
    """The output of each example of each page. The pages run side by side, because their commands mostly wait: none of
    them changes the zoo. The examples of one page run in their order."""
    with ThreadPoolExecutor(4) as pool:
        return dict(zip(PAGES, pool.map(partial(run_examples, whole_zoo), PAGES), strict=True))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name + "/" + page.name)
def test_console_blocks_say_what_happens(outputs: dict[Path, list[str]], page: Path) -> None:
    assert_examples_hold(page, outputs[page])


@pytest.mark.slow  # test_mpm.py starts the same zoo, and observes it
def test_the_label_of_the_mpms_says_what_happens(fresh_zoo: Zoo) -> None:
    assert_examples_hold(MPMS, run_examples(fresh_zoo, MPMS))


def run_examples(zoo: Zoo, page: Path) -> list[str]:
    """What each example of a page prints, errors included."""
    return [
        subprocess.run(
            ["bash", "-c", with_ports_of(zoo, command)],
            cwd=ROOT,
            env=zoo.env | {"PATH": os.environ["PATH"]},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        ).stdout
        for command, _ in examples(page)
    ]


def assert_examples_hold(page: Path, outputs: list[str]) -> None:
    matches = doctest.OutputChecker().check_output
    assert outputs
    wrong = [
        f"{page}: $ {command}\n{output}"
        for (command, expected), output in zip(examples(page), outputs, strict=True)
        if not matches(expected, output, doctest.ELLIPSIS)
    ]
    assert not wrong, "\n".join(wrong)


ROW = re.compile(
    r"^\| `/(?P<id>[^/]+)/` \| (?P<protocol>.+) \| (?P<model>.+) \| (?P<server>.+) \| (?P<fronts>.+) \|$", re.M
)


def test_the_readme_lists_every_exhibit_as_declared() -> None:
    """The table of the README against the registry; tests/registry holds the registry against the cages."""
    cages = {exhibit.id: cage.file for cage in REGISTRY.cages for exhibit in cage.file.exhibit}
    declared = {
        id: {
            "id": id,
            "protocol": exhibit.protocol or cages[id].protocol,
            "model": (family := REGISTRY.families[exhibit.family]).model,
            "server": family.server,
            "fronts": ", ".join(exhibit.fronts).replace("apache", "Apache"),
        }
        for id, exhibit in REGISTRY.exhibits.items()
    }
    listed = [row.groupdict() for row in ROW.finditer((ROOT / "README.md").read_text(encoding="utf-8"))]
    assert {row["id"]: row for row in listed} == declared
    assert len(listed) == len(declared), "a row is there twice"


def test_every_path_of_the_readme_answers(whole_zoo: Zoo) -> None:
    rows = ROW.finditer((ROOT / "README.md").read_text(encoding="utf-8"))
    promised = [(row["id"], front) for row in rows for front in row["fronts"].lower().split(", ")]
    assert sorted(set(promised) - set(whole_zoo.open_cells())) == [("mod_php", "apache")], (
        "opened by --mpm prefork only"
    )
    open_cells = set(promised) & set(whole_zoo.open_cells())
    wrong = {cell: text for cell in open_cells if (text := whole_zoo.get(*cell, "ping").text) != "pong\n"}
    assert not wrong


@pytest.mark.parametrize(
    "page", [page for page in [*PAGES[1:], MPMS] if page != WIRE], ids=lambda page: page.parent.name
)
def test_a_label_has_its_parts_and_fits_a_screen(page: Path) -> None:
    """The annotated exchange, made from a specimen, may take a second one."""
    text = labels.BLOCK.sub("", page.read_text(encoding="utf-8"))
    parts = re.findall(r"^\*\*(.+?)\.\*\*", text, re.MULTILINE)
    assert parts == ["Origin", "Process model", "On the wire", "Try it", "Left out"], parts
    assert len(text.splitlines()) <= LINES


def test_the_newcomers_commands_are_those_that_are_tested() -> None:
    """`up` and its set-up: test_fresh.py, test_faults.py. `test`: CI. Compose: test_docker.py."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^```sh\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL) == [
        "./zoo up",
        "./zoo test",
        "docker compose up --build --wait\ndocker compose run --rm zoo check\ndocker compose run --rm zoo compare",
        "docker compose exec nginx zoo wire fastcgi /hello\ndocker compose exec fastcgi zoo ps",
        "ZOO_BIND=0.0.0.0 docker compose up --build --wait\nZOO_BIND=0.0.0.0 docker compose run --rm zoo check",
    ]


def test_links_lead_somewhere() -> None:
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"


def test_every_command_is_in_the_readme(zoo: Zoo) -> None:
    commands = re.findall(r"^  (\w+) ", zoo.cli("--help").stdout.partition("Commands:")[2], re.MULTILINE)
    assert "check" in commands
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in commands if f"./zoo {name}" not in readme] == []
