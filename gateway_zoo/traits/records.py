"""The records of a matrix: what `zoo traits --json` prints.

A matrix has traits (questions), cells (exhibit and front) and an answer for each pair. An answer is short and stable:
the same software gives the same words again. Whatever moves from run to run (times, sizes, pids) is a figure or stands
in the evidence.
"""

import msgspec

SCHEMA = 1
ANSWERED, VARIES, NOT_ASKED, UNKNOWN = "answered", "varies", "not asked", "unknown"
OWN_PROGRAM = "own program, not asked"  # `why` of cells whose program is not that of the traits


class Evidence(msgspec.Struct, frozen=True):
    """What a probe saw: `title` names it ("request", "response", "log of fastcgi"), `text` has printable lines."""

    title: str
    text: str


class Answer(msgspec.Struct, frozen=True):
    """The answer of one cell to one trait.

    `state`: "answered"; "varies": repeated runs gave different answers, `answers` has each, once; "not asked": the
    question makes no sense here, `why` says why; "unknown": the probe could not find out, `why` says why. `figure`: a
    measured number in the trait's `unit`, or None.
    """

    trait: str
    exhibit: str
    front: str
    state: str
    answers: list[str] = []
    why: str = ""
    figure: float | None = None
    evidence: list[Evidence] = []

    @property
    def text(self) -> str:
        """The answer in a table."""
        return " / ".join(self.answers) if self.answers else self.state


class TraitFacts(msgspec.Struct, frozen=True):
    """A trait without its probe. `source`: the document that defines the right behaviour. `unit` of figures. `within`:
    a figure that differs by a larger share has drifted; 0: figures are no part of the expected values."""

    name: str
    axis: str
    question: str
    why: str
    source: str
    slow: bool = False
    unit: str = ""
    within: float = 0.0


class CellFacts(msgspec.Struct, frozen=True):
    """A cell. `closed`: why it is not open, or empty."""

    exhibit: str
    front: str
    protocol: str
    interface: str
    model: str
    server: str
    closed: str = ""


class Matrix(msgspec.Struct, frozen=True):
    """A whole measurement. `made`: UTC, ISO 8601. `place`: "native" or "image". `versions`: part -> version.
    `complete`: false where it was stopped. `seconds`: how long it took."""

    made: str
    place: str
    system: str
    versions: dict[str, str]
    traits: list[TraitFacts]
    cells: list[CellFacts]
    answers: list[Answer]
    complete: bool = True
    seconds: float = 0.0
    schema: int = SCHEMA
