"""Record the five ways: `record.py [--visits N] [URL…]`.

It uses a real browser. Without a URL it visits both fronts of this machine. Each visit is made in a new browser profile
(`first`), and once more in it (`again`). Ways and fronts take turns, because the load of a machine changes.
The figures are those of the page's own chart, read from waterfall.js. The script needs playwright and chromium, as the
tests do. In the root: .venv/bin/python pages/record.py

Requests and bytes are steady; all times are noisy. One machine has hardly a network, so most of the time is the
browser's own work, and the median of few visits changes by tens of per cent from run to run.
"""

import argparse
import os
import shutil
import statistics
import sys
from collections import defaultdict
from typing import Any

WAYS = ("static", "ssr", "csr", "mpa", "spa")
#: (URL of a front, way, "first" or "again") -> summaries of waterfall.js, one for each visit.
Visits = dict[tuple[str, str, str], list[dict[str, Any]]]


def visit(page: Any, url: str) -> dict[str, Any]:
    """Open a page; return its own summary, in ms and bytes."""
    page.goto(url, wait_until="load")
    # The chart shows this line as soon as it knows the figure.
    page.locator("dt", has_text="content visible").wait_for()
    summary: dict[str, Any] = page.evaluate("import('/pages/assets/waterfall.js').then((chart) => chart.summary())")
    return summary


def record(browser: Any, bases: list[str], visits: int) -> Visits:
    """Visit all ways at all `bases`, `visits` times, in turns."""
    summaries: Visits = defaultdict(list)
    for _ in range(visits):
        for way in WAYS:
            for base in bases:
                context = browser.new_context(viewport={"width": 1280, "height": 720})
                page = context.new_page()
                for which in ("first", "again"):
                    summaries[base, way, which].append(visit(page, f"{base}/pages/{way}/"))
                context.close()
    return summaries


def table(visits: Visits) -> str:
    """Write a line for each front, way and kind of visit."""
    head = ("front", "way", "visit", "requests", "bytes", "first byte ms", "content visible ms")
    lines = ["{:22} {:7} {:6} {:>8} {:>7} {:>16} {:>19}".format(*head)]
    for (base, way, which), rows in sorted(visits.items(), key=lambda item: (item[0][0], WAYS.index(item[0][1]))):
        sizes = [statistics.median_low(row[name] for row in rows) for name in ("requests", "bytes")]
        times = [_spread([row[name] for row in rows]) for name in ("firstByte", "content")]
        lines.append(f"{base:22} {way:7} {which:6} {sizes[0]:8} {sizes[1]:7} {times[0]:>16} {times[1]:>19}")
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.0f} ({min(values):.0f}-{max(values):.0f})"


def main() -> int:
    """Return 0, or 3 if the browser or playwright is missing."""
    parser = argparse.ArgumentParser(description="Record the five ways in a real browser.")
    parser.add_argument("urls", nargs="*", default=["http://localhost:8080", "http://localhost:8081"])
    parser.add_argument("--visits", type=int, default=7, choices=range(1, 51), metavar="N", help="1 to 50; default 7")
    options = parser.parse_args()
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError:
        sys.stderr.write("playwright is not installed: ./zoo test installs what tests need\n")
        return 3
    if not (path := shutil.which("chromium")):
        sys.stderr.write("chromium is not installed: sudo apt-get install chromium\n")
        return 3
    with sync_playwright() as playwright:
        args = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=path, args=args)
        sys.stdout.write(
            f"Chromium {browser.version}, headless, 1280x720; medians of {options.visits} visits (least-most)\n"
        )
        sys.stdout.write(table(record(browser, options.urls, options.visits)) + "\n")
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
