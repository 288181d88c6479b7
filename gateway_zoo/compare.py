"""`compare`: process models side by side, from observation (observe.py), and what in cage.toml they contradict."""

import concurrent.futures
from dataclasses import asdict
from typing import Any

from gateway_zoo import observe, show, targets
from gateway_zoo.cagefile import Family
from gateway_zoo.observe import NotObservable, Observation, Row
from gateway_zoo.plan import Cell
from gateway_zoo.registry import Registry
from gateway_zoo.settings import Settings
from gateway_zoo.speak import print_json

#: Declared model -> models that observation may show instead, because from outside they look alike.
LOOKS_LIKE = {
    "event loop": {"threads"},  # the loop itself runs no app: a2wsgi's threads do
    "embedded": {"threads", "prefork x threads", "prefork"},  # as many of the web server's own as were needed
}


def run(made: Settings, ids: list[str] | None, as_json: bool, urls: dict[str, str]) -> int:
    """Exit 0, or 1 if an observation contradicts a cage.toml or a cell could not be observed."""
    registry, cells = targets.find(made, ids, urls)
    seen, silent = _watch_all(registry, [cell for cell in cells if cell.closed is None])
    against = {(o.exhibit, o.front): contradictions(o, _family(registry, o.exhibit)) for o in seen}
    if as_json:
        rows = [asdict(o) | {"model": o.model, "contradictions": against[o.exhibit, o.front]} for o in seen]
        print_json({"cells": rows, "silent": silent})
    elif ids and len(ids) == 2:
        _explain(registry, seen, ids)
    else:
        _print(seen)
    if not as_json:
        _print_contradictions(against, silent)
    return 1 if silent or any(against.values()) else 0


def _family(registry: Registry, exhibit: str) -> Family:
    return registry.families[registry.exhibits[exhibit].family]


def _watch_all(registry: Registry, cells: list[Cell]) -> tuple[list[Observation], list[str]]:
    """Times first, one cell after the other; then the crowds, four families side by side, a family's cells in turn."""
    rows: dict[Cell, Row] = {}
    seen: dict[Cell, Observation] = {}
    silent: list[str] = []
    by_family: dict[str, list[Cell]] = {}
    with show.console(error=True).status("timing") as status, concurrent.futures.ThreadPoolExecutor(4) as pool:
        for cell in cells:
            status.update(f"timing {cell.exhibit} behind {cell.front}")
            try:
                rows[cell] = observe.in_a_row(cell)
                by_family.setdefault(_family(registry, cell.exhibit).id, []).append(cell)
            except NotObservable as error:
                silent.append(str(error))

        def crowd(family: str) -> None:
            for cell in by_family[family]:
                try:
                    seen[cell] = observe.at_once(cell, rows[cell], registry.families[family].slots)
                except NotObservable as error:
                    silent.append(str(error))
                status.update(f"crowding: {len(seen)} of {len(rows)} cells")

        list(pool.map(crowd, by_family))
    return [seen[cell] for cell in cells if cell in seen], silent


# --- declared and observed ------------------------------------------------------------------------


def contradictions(o: Observation, family: Family) -> list[str]:
    """What cage.toml declares and the observation shows otherwise, in words."""
    found = []
    slots = family.slots
    if o.model != family.model and o.model not in LOOKS_LIKE.get(family.model, ()):
        found.append(f"declares {family.model!r}, looks like {o.model!r}")
    if slots and o.at_once != min(slots, o.crowd):
        found.append(f"declares {slots} slots, {o.at_once} of {o.crowd} requests ran at once")
    if slots and o.at_once == slots and o.busy_processes != family.processes:
        found.append(f"declares {_count(family.processes, 'process')}, its slots were in {o.busy_processes}")
    if slots and o.busy_threads > family.threads:
        found.append(f"declares {_count(family.threads, 'thread')} a process, {o.busy_threads} ran at once in one")
    return found


def _count(number: int, word: str) -> str:
    plural = word + ("es" if word.endswith("s") else "s")
    return f"{number} {word if number == 1 else plural}"


# --- what people see ------------------------------------------------------------------------------


def _print(seen: list[Observation]) -> None:
    right = ("procs", "thr", "once", "each", "first", "med", "MB")
    table = show.table(
        "exhibit", "", "procs", "thr", "once", "each", "parent", "user", "TPO", "first", "med", "MB", right=right
    )
    for o in seen:
        table.add_row(
            *(o.exhibit, o.front[0], str(o.processes), str(o.threads)),
            *(f"{o.at_once}+" if o.at_once == o.crowd else str(o.at_once), _range(o.served.values())),
            *(_few(o.parents), _few(o.users), _flags(o), _ms(o.first_ms), _ms(o.median_ms), _megabytes(o.pss)),
        )
    out = show.console()
    out.print(table)
    out.print(
        "n, a: behind nginx, Apache. procs: processes seen; thr: most threads in one.\n"
        f"once: most at the same time, of {observe.AT_ONCE} sent. each: requests per process.\n"
        "TPO: the server claims multithread, multiprocess, run once. first, med: ms,\n"
        f"of {observe.IN_A_ROW} requests in a row. MB: PSS of its processes together.",
        style="dim",
    )


def _range(values: Any) -> str:
    low, high = min(values), max(values)
    return str(low) if low == high else f"{low}-{high}"


def _few(values: list[Any]) -> str:
    return str(values[0]) if len(values) == 1 else f"{len(values)} dif."


def _flags(o: Observation) -> str:
    flags = zip("tpo", (o.multithread, o.multiprocess, o.run_once), strict=True)
    return "".join(letter if on else "-" for letter, on in flags)


def _ms(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def _megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / 1e6:.0f}"


def _print_contradictions(against: dict[tuple[str, str], list[str]], silent: list[str]) -> None:
    out = show.console()
    for (exhibit, front), texts in against.items():
        for text in texts:
            out.print(f"{exhibit} behind {front}: cage.toml {text}", style="red", markup=False, soft_wrap=True)
    for text in silent:
        out.print(text, style="red", markup=False, soft_wrap=True)


# --- two exhibits in sentences --------------------------------------------------------------------


def _explain(registry: Registry, seen: list[Observation], ids: list[str]) -> None:
    """Two exhibits as prose: what each does, then what differs, axis by axis."""
    out = show.console()
    for id in ids:
        for o in [o for o in seen if o.exhibit == id]:
            out.print(sentence(o), markup=False)
    first, second = ids
    for axis, (one, other) in _axes(registry, first, second).items():
        same = f"Both: {axis} {one}." if one == other else f"{axis.capitalize()}: {first} {one}, {second} {other}."
        out.print(same, markup=False)
    pairs = [(a, b) for a in seen for b in seen if (a.exhibit, b.exhibit) == (first, second) and a.front == b.front]
    for a, b in pairs:
        out.print(_difference(a, b), markup=False)


def _axes(registry: Registry, first: str, second: str) -> dict[str, tuple[str, str]]:
    def of(id: str) -> dict[str, str]:
        exhibit, cage = registry.exhibits[id], registry.cage_of(id).file
        return {
            "wire protocol": exhibit.protocol or cage.protocol,
            "programming interface": exhibit.interface or cage.interface,
            "process model": _family(registry, id).model,
            "server": _family(registry, id).server,
        }

    one, other = of(first), of(second)
    return {axis: (one[axis], other[axis]) for axis in one}


def sentence(o: Observation) -> str:
    """One cell in a sentence."""
    requests = sum(o.served.values())
    how = f"from {_count(o.processes, 'process')}"
    if o.model == "fork per request":
        how = "each from a new process"
    elif o.threads > 1:
        how += f" with up to {_count(o.threads, 'thread')}"
    limit = "as many as were sent" if o.at_once == o.crowd else f"at most {o.at_once}"
    return (
        f"{o.exhibit} behind {o.front} answered {requests} requests {how}, as {', '.join(o.users)}; "
        f"of {o.crowd} sent at once {limit} ran together. The first took {_ms(o.first_ms)} ms, "
        f"the median {_ms(o.median_ms)} ms; its processes use {_megabytes(o.pss)} MB."
    )


def _difference(a: Observation, b: Observation) -> str:
    parts = []
    if a.processes != b.processes:
        parts.append(f"{_count(a.processes, 'process')} against {b.processes}")
    if a.at_once != b.at_once:
        parts.append(f"{a.at_once} at once against {b.at_once}")
    if a.pss and b.pss:
        parts.append(f"{a.pss / b.pss:.1f} times the memory")
    parts.append(f"{a.median_ms / b.median_ms:.1f} times the median time")
    return f"Behind {a.front}, {a.exhibit} next to {b.exhibit}: {', '.join(parts)}."
