"""Small matrices for tests of the outputs, without a zoo."""

import msgspec
from zoo_in_test import REGISTRY

from gateway_zoo.traits.measure import cell_facts
from gateway_zoo.traits.records import (
    ANSWERED,
    NOT_ASKED,
    OWN_PROGRAM,
    UNKNOWN,
    VARIES,
    Answer,
    Evidence,
    Matrix,
    TraitFacts,
)

PID = TraitFacts(
    "pid_each_time", "Process", "Is the process new with each request?", "CGI starts programs.", "RFC 3875"
)
BYTES = TraitFacts("wire_bytes", "Cost", "How many bytes cross?", "Names cost.", "SCGI", unit="bytes", within=0.2)
SLOW = TraitFacts("gives_up", "Trouble", "Who gives up first?", "Both wait.", "nginx", slow=True)
CELLS = [(id, front) for id in ("cgi", "fastcgi", "scgi", "uwsgi") for front in ("nginx", "apache")]
CELLS += [("mod_wsgi", "apache"), ("pages", "nginx")]
SEEN = [Evidence("request", "GET / HTTP/1.1"), Evidence("response", "HTTP/1.1 200 OK\n\n<b>\x1b[31mred")]


def answer(trait: str, cell: tuple[str, str]) -> Answer:
    exhibit, front = cell
    if exhibit == "pages":
        return Answer(trait, *cell, NOT_ASKED, why=OWN_PROGRAM)
    if trait == "pid_each_time":
        return Answer(trait, *cell, ANSWERED, ["yes" if exhibit == "cgi" else "no"], evidence=SEEN)
    if exhibit == "mod_wsgi":
        return Answer(trait, *cell, NOT_ASKED, why="it lives inside apache")
    if trait == "wire_bytes":
        return Answer(trait, *cell, ANSWERED, [f"as {front} does"], figure=100.0 + len(exhibit))
    if cell == ("scgi", "nginx"):
        return Answer(trait, *cell, VARIES, ["nobody", "the front"])
    state = UNKNOWN if cell == ("uwsgi", "apache") else ANSWERED
    return Answer(
        trait, *cell, state, [] if state == UNKNOWN else ["the front"], why="it hung" if state == UNKNOWN else ""
    )


def small() -> Matrix:
    """Three traits in ten cells: an exception, a front that differs, figures, and each state of an answer."""
    traits = [PID, SLOW, BYTES]
    return Matrix(
        "2026-11-29T00:56:12+00:00",
        "native",
        "Linux 6.1, Python 3.11.2",
        {"nginx": "1.22.1", "flup": "1.0.3"},
        traits,
        [cell_facts(REGISTRY, *cell) for cell in CELLS],
        [answer(trait.name, cell) for trait in traits for cell in CELLS],
        seconds=12.0,
    )


def changed(matrix: Matrix, trait: str, cell: tuple[str, str], *answers: str, figure: float | None = None) -> Matrix:
    """The same matrix with another answer in one cell."""
    new = Answer(trait, *cell, VARIES if len(answers) > 1 else ANSWERED, list(answers), figure=figure)
    kept = [new if (a.trait, a.exhibit, a.front) == (trait, *cell) else a for a in matrix.answers]
    return msgspec.structs.replace(matrix, answers=kept)
