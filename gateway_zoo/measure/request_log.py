"""Read the requests of a zoo from its log files, as they come."""

from pathlib import Path

from gateway_zoo.measure.log_files import Logs
from gateway_zoo.measure.requests import Joiner, Request


class RequestLog:
    """The requests in the *.log files of a directory (`Settings.logs`).

    Each request is given once. The order of each list is the order of the ends (requests.py). A line that is written
    while the other files are read is found at the next look, so its request may follow one that ended a moment later.
    """

    def __init__(self, folder: Path) -> None:
        self._logs, self._joiner = Logs(folder), Joiner()

    def past(self) -> list[Request]:
        """Return all requests of the last part of each file; for the first look."""
        self._joiner.add(self._logs.lines())
        return self._joiner.ready(all_of_them=True)

    def new(self) -> list[Request]:
        """Return the requests that became complete since the last look."""
        self._joiner.add(self._logs.lines())
        return self._joiner.ready()

    def close(self) -> None:
        self._logs.close()
