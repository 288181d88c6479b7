"""What the relay costs: requests per second on `uwsgi` behind nginx, straight and through `zoo record`, and how long
`zoo wire` takes. `make bench-wire`, or `.venv/bin/python tests/wire/bench_relay.py`.

Straight and recorded take turns, because a machine drifts by a factor of two within minutes; what counts is the ratio
within a pair. Everything shares the same cores: wrk, both nginx, uWSGI, the relay, and the recording (masked, on disk).
A run with an error or an answer other than 200 does not count and fails. Exit 1 below the limit.
"""

import re
import shutil
import statistics
import subprocess
import sys
import time

from wire_record_in_test import recording
from zoo_in_test import Zoo

LIMIT = 0.60
ROUNDS = 9
SECONDS = 3
WIRE_LIMIT_S = 0.6


def rate(url: str) -> float:
    """Requests per second."""
    argv = ["wrk", "-t1", "-c16", f"-d{SECONDS}s", url]
    said = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"not all answers were right:\n{said}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])  # type: ignore[index]


def spread(values: list[float]) -> str:
    ordered = sorted(values)
    return f"median {statistics.median(values):.2f}, {ordered[0]:.2f} to {ordered[-1]:.2f}"


def relay(zoo: Zoo) -> float:
    """The median of the pairs' ratios."""
    ratios, straights, recorded = [], [], []
    with recording(zoo, "--front", "nginx", "uwsgi") as made:
        for number in range(ROUNDS):
            pair = [("straight", zoo.url("uwsgi", "nginx")), ("recorded", made.url("uwsgi"))]
            rates = {name: rate(url) for name, url in (pair if number % 2 else reversed(pair))}
            time.sleep(0.5)  # what was still to be written
            straights.append(rates["straight"])
            recorded.append(rates["recorded"])
            ratios.append(rates["recorded"] / rates["straight"])
        size = made.file.stat().st_size
    print(f"straight   {statistics.median(straights):8.0f} requests/s")
    print(f"recorded   {statistics.median(recorded):8.0f} requests/s, {size / 1e6:.0f} MB written")
    print(f"ratio      {spread(ratios)}; limit {LIMIT}")
    return statistics.median(ratios)


def wire(zoo: Zoo) -> float:
    """Seconds that `zoo wire uwsgi /hello` takes, from a cold start of Python."""
    took = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        done = zoo.cli("wire", "uwsgi", "/hello")
        took.append(time.monotonic() - began)
        if done.returncode:
            raise SystemExit(done.stderr)
    print(f"zoo wire   {spread(took)} s; limit {WIRE_LIMIT_S}")
    return statistics.median(took)


def main() -> int:
    if not shutil.which("wrk"):
        print("wrk is not installed: apt-get install wrk", file=sys.stderr)
        return 3
    with Zoo() as zoo:
        zoo.up("uwsgi")
        return int(relay(zoo) < LIMIT) | int(wire(zoo) > WIRE_LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
