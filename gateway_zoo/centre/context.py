"""What a page may use: the settings and the registry of the zoo, and its cells.

Results that many viewers ask for at once are computed once (`once`): 200 open pages cost as much as one.
"""

import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from gateway_zoo.centre.bench_job import BenchJob
from gateway_zoo.centre.recorder import Recorder
from gateway_zoo.measure import targets
from gateway_zoo.registry import plans
from gateway_zoo.registry.cages import Registry, load
from gateway_zoo.registry.plans import Cell
from gateway_zoo.settings import Settings

T = TypeVar("T")


class Context:
    """Of one running centre. `token`: a page sends it back with every action. `ending`: is set when the centre ends."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.registry: Registry = load(settings.root)
        self.token = secrets.token_urlsafe(16)
        self.ending = threading.Event()
        self.crowd_lock = threading.Lock()  # one crowd or benchmark at a time
        self.recorder = Recorder(settings, self.registry)
        self.bench = BenchJob(self.crowd_lock)
        self._results: dict[str, tuple[float, Any]] = {}
        self._locks: dict[str, threading.Lock] = {}

    def close(self) -> None:
        """End what the pages have started."""
        self.bench.close()
        self.recorder.close()

    def cells(self) -> list[Cell]:
        """All cells of the running zoo. Raises Stop where no zoo runs."""
        urls = targets.around(self.settings) if self.settings.compose else {}
        return self.once("cells", 5.0, lambda: targets.find(self.settings, None, urls)[1])

    def front_pages(self) -> list[tuple[int, str, str]]:
        """Port, path and title of each page that the first front serves. Raises Stop where no zoo runs."""
        cells = self.cells()
        front = next(iter(plans.open_fronts(cells)), "")
        pages = plans.pages(self.registry, cells, front) if front else {}
        return [(self.settings.port(front), path, title) for path, title in pages.items()]

    def once(self, name: str, seconds: float, compute: Callable[[], T]) -> T:
        """The result of `compute`, not older than `seconds`. Callers of one name wait for the same computation."""
        with self._locks.setdefault(name, threading.Lock()):
            at, result = self._results.get(name, (0.0, None))
            if not at or time.monotonic() - at > seconds:
                result = compute()
                self._results[name] = (time.monotonic(), result)
            return cast("T", result)
