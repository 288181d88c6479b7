"""`make fuzz`: a million generated inputs for each protocol's decoders and annotate(), two processes at a time.

Each input is drawn from a seed of its own, so a failure is repeated by `--protocol P --seed S --inputs 1`. It must end
in a result or a WireError (everything in wire_contract.py is checked), within five seconds and within the memory that
the process may have; every thousandth is measured. What fails is made shorter and printed; exit status 1.
"""

import argparse
import contextlib
import multiprocessing
import re
import resource
import sys
import time
import tracemalloc
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from random import Random

from wire_contract import Hang, bounded, check_input, check_talk
from wire_inputs import Input, Maker
from zoo_in_test import REGISTRY

from gateway_zoo.wire.codecs import Codecs

SLICE = 5_000  # inputs of one task
MEMORY = 256 << 20  # address space that a process may take beyond what it has at its start
GROWTH = 64 << 20  # resident memory that a process may gain from all its inputs
PEAK = 4 << 20  # what one input may use; the largest have some kilobytes
MEASURED = 1000  # every how many inputs
TALKS = 8  # every how many inputs both directions are put together
SHOWN = 5  # failures of a protocol

WIRES = Codecs(REGISTRY)


@dataclass
class Slice:
    """What became of some inputs. `failures`: what is wrong -> seed and the shortest input."""

    protocol: str
    inputs: int = 0
    bytes: int = 0
    seconds: float = 0.0
    grown: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    failures: dict[str, tuple[int, str]] = field(default_factory=dict)

    def add(self, other: "Slice") -> None:
        self.inputs += other.inputs
        self.bytes += other.bytes
        self.seconds += other.seconds
        self.grown = max(self.grown, other.grown)
        self.outcomes += other.outcomes
        self.kinds += other.kinds
        self.failures = other.failures | self.failures


# --- in the child -----------------------------------------------------------------------------------------


def begin() -> None:
    """In each process: from here on memory is limited, so that what runs away is a MemoryError and no swapping."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        size = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))


def resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def run(protocol: str, first: int, count: int) -> Slice:
    """Inputs from the seeds `first`, `first + 1`, …"""
    maker, found = Maker(WIRES, protocol), Slice(protocol)
    one_input(maker, first, found=Slice(protocol))  # loads what is loaded once
    before, began = resident(), time.perf_counter()
    for seed in range(first, first + count):
        one_input(maker, seed, found)
    found.seconds = time.perf_counter() - began
    found.grown = resident() - before
    return found


def one_input(maker: Maker, seed: int, found: Slice) -> None:
    random = Random(seed)  # noqa: S311 - not a secret
    given = maker.input(random)
    found.inputs += 1
    found.bytes += len(given.data)
    found.kinds[given.kind] += 1
    wrong = trial(maker, given, seed, found)
    if wrong and wrong not in found.failures and len(found.failures) < SHOWN:
        found.failures[wrong] = (seed, f"{shorter(maker, given, seed, wrong)!r}")


def trial(maker: Maker, given: Input, seed: int, found: Slice | None = None) -> str:
    """What is wrong with how this ends; empty if nothing is."""
    measured = seed % MEASURED == 0 and not tracemalloc.is_tracing()
    if measured:
        tracemalloc.start()
    try:
        with bounded():
            outcome = check(maker, given, seed)
    except (Hang, Exception) as error:  # noqa: BLE001 - that is what we look for
        return named(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1] if measured else 0
        tracemalloc.stop()
    if found is not None:
        found.outcomes[outcome] += 1
    return "" if peak < PEAK else f"memory: more than {PEAK} bytes"


def check(maker: Maker, given: Input, seed: int) -> str:
    random = Random(~seed)  # noqa: S311 - the same for every trial of this input
    outcome = check_input(maker.wires, maker.protocol, given, random)
    if seed % TALKS == 0:
        other = maker.right(random, "response" if given.direction == "request" else "request")[0]
        both = (given.data, other) if given.direction == "request" else (other, given.data)
        check_talk(maker.wires, maker.protocol, *both, random)
    return outcome


def named(error: BaseException) -> str:
    """One name for failures of one kind: where it was raised, and which error of a decoder it is about."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else ""
    about = re.match(r"\w+(?= at offset)", str(error))
    return f"{type(error).__name__} in {where} {about[0] if about else ''}".strip()


def shorter(maker: Maker, given: Input, seed: int, wrong: str) -> Input:
    """Bytes are left out as long as the same is wrong (a simple delta debugging)."""
    size, until = len(given.data) // 2, time.monotonic() + 10
    while size and time.monotonic() < until:
        at = 0
        while at < len(given.data) and time.monotonic() < until:
            fewer = given._replace(data=given.data[:at] + given.data[at + size :])
            if trial(maker, fewer, seed) == wrong:
                given = fewer
            else:
                at += size
        size //= 2
    return given


# --- in the parent ----------------------------------------------------------------------------------------


def fuzz(protocols: list[str], inputs: int, seed: int) -> dict[str, Slice]:
    """Every protocol in slices, two at a time; progress on stderr, in a log by twentieths."""
    found = {protocol: Slice(protocol) for protocol in protocols}
    total, done, began = inputs * len(protocols), 0, time.monotonic()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context, initializer=begin) as pool:
        tasks = [
            pool.submit(run, protocol, seed + first, min(SLICE, inputs - first))
            for first in range(0, inputs, SLICE)
            for protocol in protocols
        ]
        for task in as_completed(tasks):
            part = task.result()
            found[part.protocol].add(part)
            before, done = done, done + part.inputs
            if sys.stderr.isatty() or done * 20 // total > before * 20 // total:
                took = time.monotonic() - began
                left = took / done * (total - done) / 60
                progress = f"{done:,} of {total:,} inputs, {done / took:,.0f} in a second, {left:.0f} min left"
                print(progress, end="  \r" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)
    return found


def show(found: Slice) -> bool:
    """A row of the table; whether all is well."""
    results = found.outcomes["decoded"]
    errors = ", ".join(f"{name} {count:,}" for name, count in found.outcomes.most_common() if name != "decoded")
    print(
        f"{found.protocol:10} {found.inputs:>11,} inputs {found.bytes / 1e6:>8,.1f} MB  {results:>10,} decoded  "
        f"{found.seconds / found.inputs * 1e6:>6,.0f} us each  memory +{found.grown / 1e6:.0f} MB\n{'':11}{errors}"
    )
    for wrong, (seed, shown) in found.failures.items():
        print(f"    WRONG {wrong}\n        --protocol {found.protocol} --seed {seed} --inputs 1\n        {shown[:600]}")
    if found.grown > GROWTH:
        print(f"    WRONG memory: grown by {found.grown} bytes, more than {GROWTH}")
    return not found.failures and found.grown <= GROWTH


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=1_000_000, help="for each protocol")
    parser.add_argument("--protocol", action="append", choices=WIRES.protocols, help="only this one; may be repeated")
    parser.add_argument("--seed", type=int, help="of the first input; from the clock if not given")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else int(time.time()) * 10_000_000
    protocols = options.protocol or WIRES.protocols
    print(f"seed {seed}; {options.inputs:,} inputs each: {', '.join(protocols)}")
    found = fuzz(protocols, options.inputs, seed)
    held = [show(part) for part in found.values()]
    return 0 if all(held) else 1


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
    sys.exit(130)
