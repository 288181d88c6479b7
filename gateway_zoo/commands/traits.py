"""`zoo traits`: behaviours, measured in every cell (traits/measure.py)."""

import sys

import msgspec

from gateway_zoo.errors import known_ids
from gateway_zoo.registry.cages import load
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import tables
from gateway_zoo.traits import catalogue, measure


def run(settings: Settings, names: list[str], ids: list[str], front: str, *, quick: bool, as_json: bool) -> int:
    """Measure; exit 0, also where a cell could not be asked."""
    registry = load(settings.root)
    traits = catalogue.known(catalogue.find(settings.root), names)
    if quick:
        traits = [trait for trait in traits if not trait.facts.slow]
    with tables.console(error=True).status("starting") as status:

        def progress(done: int, of: int) -> None:
            status.update(f"{done} of {of} answers")

        matrix = measure.measure(
            settings,
            registry,
            traits,
            known_ids(ids, list(registry.exhibits)),
            (front,) if front else measure.FRONTS,
            progress,
        )
    if as_json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(matrix), indent=1) + b"\n")
        return 0
    for answer in matrix.answers:
        print(f"{answer.trait:28} {answer.exhibit:18} {answer.front:7} {answer.text} {answer.why}")
    return 0
