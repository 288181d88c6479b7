"""Behaviours: the kept matrix of this place at once, and one chosen cell measured live, with its evidence.

A live measurement is `zoo traits -t TRAIT ID --front FRONT --json` as a process of its own: it starts a zoo of its own,
which uses signals, and the centre has threads. One runs at a time, and it ends with the centre.
"""

import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway_zoo.centre.context import Context
from gateway_zoo.centre.page import Page, Refused
from gateway_zoo.registry import versions
from gateway_zoo.traits import catalogue, changes, kept, measure
from gateway_zoo.traits.catalogue import Trait
from gateway_zoo.traits.changes import Version
from gateway_zoo.traits.records import Answer, Matrix
from gateway_zoo.traits.show import lines
from gateway_zoo.traits.show.view import View, view

SECONDS = 240.0  # for a live measurement
STOP_S = 40.0  # until its zoo has ended
LOOK_S = 0.1
FRESH_S = 600.0  # the versions of this machine are asked again
WIDTH = 100  # of the text for curl
BUSY, BROKEN = 409, 500  # HTTP


class Traits(msgspec.Struct, frozen=True):
    """`view`: the kept matrix of this place, or None with the reason in `why`. `differ`: versions that are others
    here."""

    view: View | None
    differ: list[Version]
    why: str = ""


_one = threading.Lock()  # one live measurement at a time


def data(context: Context, _: Mapping[str, str]) -> Traits:
    """Reads files only, so it also works where no zoo runs."""
    matrix = _kept(context)
    if matrix is None:
        place = measure.place(context.settings)
        return Traits(None, [], f"No matrix is kept for {place}: zoo traits --keep measures and keeps it.")
    return Traits(view(matrix), _differ(context, matrix))


def _kept(context: Context) -> Matrix | None:
    traits = [trait.facts for trait in _traits(context).values()]
    values = kept.read(context.settings.root, measure.place(context.settings))
    return kept.matrix(values, context.registry, traits) if values else None


def _traits(context: Context) -> dict[str, Trait]:
    return context.once("traits", FRESH_S, lambda: catalogue.find(context.settings.root))


def _differ(context: Context, matrix: Matrix) -> list[Version]:
    def here() -> dict[str, str]:
        return {v.name: v.version for v in versions.versions(context.settings, context.registry) if v.version}

    return changes.versions(matrix.versions, context.once("versions", FRESH_S, here))


def text(traits: Traits) -> str:
    """The address of the whole, and the questions; the terminal has the matrix."""
    if traits.view is None:
        return f"{traits.why}\n"
    shown = [f"Kept behaviours ({traits.view.place}, {traits.view.made}); zoo traits measures.", ""]
    for row in traits.view.rows:
        shown.append(row.question)
        for answer in row.answers:
            names = ", ".join(name.text for name in answer.names)
            shown += [line for line, _ in lines.wrapped(f"  {answer.text}: {names}", WIDTH, hang=4)]
    shown += [f"here {v.name} is {v.after or 'not there'}, kept {v.before or 'without it'}" for v in traits.differ]
    return "\n".join(shown) + "\n"


# --- live -------------------------------------------------------------------------------------------------------------


def live(context: Context, given: Mapping[str, Any]) -> Answer:
    """Measure one cell: `{"trait": NAME, "cell": [exhibit, front]}`. Raises Refused."""
    trait, exhibit, front = _asked(context, given)
    if not _one.acquire(blocking=False):
        raise Refused("another cell is being measured; wait for its answer", BUSY)
    try:
        return _measure(context, trait, exhibit, front)
    finally:
        _one.release()


def _asked(context: Context, given: Mapping[str, Any]) -> tuple[str, str, str]:
    try:
        trait = msgspec.convert(given.get("trait"), str)
        exhibit, front = msgspec.convert(given.get("cell"), tuple[str, str])
    except msgspec.ValidationError:
        raise Refused('expected "trait": a name, and "cell": an exhibit and a front') from None
    if trait not in _traits(context):
        raise Refused(f"there is no trait {trait[:80]!a}")
    if exhibit not in context.registry.exhibits or front not in measure.FRONTS:
        raise Refused(f"there is no cell {exhibit[:80]!a} behind {front[:80]!a}")
    return trait, exhibit, front


def _measure(context: Context, trait: str, exhibit: str, front: str) -> Answer:
    """Run the command, and take its one answer. Raises Refused with its last words."""
    argv = [sys.executable, "-I", "-m", "gateway_zoo", "traits", "-t", trait, "--front", front, "--json", exhibit]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        ended = threading.Thread(target=_end_with, args=(context, child))
        ended.start()
        output, words = child.communicate()
        ended.join()
    if child.returncode == 0:
        matrix = msgspec.json.decode(output, type=Matrix)
        for answer in matrix.answers:
            if (answer.trait, answer.exhibit, answer.front) == (trait, exhibit, front):
                return answer
    last = words.decode(errors="replace").strip().rpartition("\n")[2].removeprefix("zoo: ")
    raise Refused(f"it was not measured: {last or f'no answer within {SECONDS:g} s'}", BROKEN if not last else BUSY)


def _end_with(context: Context, child: "subprocess.Popen[bytes]") -> None:
    """End the command when its time is over, or the centre ends: it then stops its zoo."""
    deadline = time.monotonic() + SECONDS
    while child.poll() is None and time.monotonic() < deadline and not context.ending.wait(LOOK_S):
        pass
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()  # the kernel then ends its zoo


PAGE = Page("/traits", "Behaviours", data, text, order=6, actions={"live": live})
