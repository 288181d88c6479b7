"""What was observed of two exhibits, in sentences: each for itself, then the differences, axis by axis."""

from gateway_zoo.measure import figures, observe
from gateway_zoo.measure.comparison import Axes
from gateway_zoo.measure.figures import Interval, count, megabytes, milliseconds, ratio
from gateway_zoo.measure.memory import Memory
from gateway_zoo.measure.observe import Observation

SMALLEST = 50_000  # bytes: pages that one request touches differ by more from reading to reading


def explain(seen: list[Observation], axes: dict[str, Axes], ids: list[str]) -> list[str]:
    """Return the sentences for two exhibits. `ids`: the two, in the order of the sentences."""
    lines = [f"{sentence(o)} {memory_sentence(o.memory)}" for id in ids for o in seen if o.exhibit == id]
    first, second = ids
    for axis, value in axes[first].items():
        other = axes[second][axis]
        same = value == other
        lines.append(f"Both: {axis} {value}." if same else f"{axis.capitalize()}: {first} {value}, {second} {other}.")
    pairs = [(a, b) for a in seen for b in seen if (a.exhibit, b.exhibit) == (first, second) and a.front == b.front]
    return lines + [difference(a, b) for a, b in pairs]


def sentence(o: Observation) -> str:
    """Describe one cell in a sentence."""
    requests = sum(o.served.values())
    how = f"from {count(o.processes, 'process')}"
    if o.model == "fork per request":
        how = "each from a new process"
    elif o.threads > 1:
        how += f" with up to {count(o.threads, 'thread')}"
    limit = "as many as were sent" if o.parallel == o.crowd else f"at most {o.parallel}"
    return (
        f"{o.exhibit} behind {o.front} answered {requests} requests {how}, as {', '.join(o.users)}; "
        f"of {o.crowd} sent at once {limit} ran together. The first took {milliseconds(o.first_ms)} ms, "
        f"the median {milliseconds(o.median_ms)} ms."
    )


def memory_sentence(m: Memory) -> str:
    """Describe the memory of one cell in a sentence."""
    if m.rest is None or m.one is None or m.parallel is None:
        return f"Its memory is unknown: {m.why}."
    at = "four" if m.requests == observe.IN_FLIGHT else str(m.requests)
    full = f"with {at} at once {figures.memory(m.parallel)} in {count(m.parallel_processes, 'process')}"
    if m.rest_processes == 0:
        return (
            f"Memory of the program: none at rest, with one request in flight {figures.memory(m.one)}, {full}, "
            f"{added(m.per_request)} for each; {m.helper_why}."
        )
    rest = f"{figures.memory(m.rest)} at rest in {count(m.rest_processes, 'process')}"
    return f"Memory of the program: {rest}, {full}; what a request in flight adds: {added(m.per_request)}."


def difference(a: Observation, b: Observation) -> str:
    """Describe the differences of two cells behind the same front. Only figures that can be compared have a ratio."""
    parts = []
    if a.processes != b.processes:
        parts.append(f"{count(a.processes, 'process')} against {b.processes}")
    if a.parallel != b.parallel:
        parts.append(f"{a.parallel} in parallel against {b.parallel}")
    first, other = a.memory, b.memory
    parts.append(f"memory at rest {_against(first.rest, other.rest)}")
    if first.requests == other.requests:
        at = "four" if first.requests == observe.IN_FLIGHT else str(first.requests)
        parts.append(f"with {at} requests in flight {_against(first.parallel, other.parallel)}")
    parts.append(f"per request in flight {added(first.per_request)} against {added(other.per_request)}")
    if times := ratio(a.median_ms, b.median_ms):
        parts.append(f"{times} times the median time")
    return f"Behind {a.front}, {a.exhibit} next to {b.exhibit}: {', '.join(parts)}."


def _against(first: float | None, other: float | None) -> str:
    """Return two sizes, and their ratio if neither is zero."""
    sizes = [figures.memory(size) if size != 0 else "none" for size in (first, other)]
    times = ratio(first or 0, other or 0)
    return f"{sizes[0]} against {sizes[1]}" + (f" ({times} times)" if times else "")


def added(per_request: Interval | None, unit: bool = True) -> str:
    """Return the interval of memory that a request in flight adds, if the readings show it."""
    if per_request is None:
        return "unknown" if unit else "-"
    if per_request.low < SMALLEST:
        return "too little to measure" if unit else "~0"
    low, high = megabytes(per_request.low), megabytes(per_request.high)
    both = low if low == high else f"{low} to {high}" if unit else f"{low}-{high}"
    return f"{both} MB" if unit else both
