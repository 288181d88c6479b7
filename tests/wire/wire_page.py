"""The page that shows the wire, as a process of its own for a test."""

import os
import subprocess
import sys
from pathlib import Path
from typing import IO

from zoo_in_test import ROOT


class Page:
    """`with Page(file) as page:` serves a recording at page.url, on any free port; None: where it will."""

    def __init__(self, file: Path, port: int | None = 0) -> None:
        argv = [sys.executable, "-P", "-m", "gateway_zoo.wire.page", str(file)]
        argv += [] if port is None else ["--port", str(port)]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
        self.url = _pipe(self.process.stdout).readline().strip()
        self.port = int(self.url.rstrip("/").rpartition(":")[2] or 0)

    def __enter__(self) -> "Page":
        return self

    def __exit__(self, *_: object) -> None:
        said = self.end()
        assert not said, said
        assert self.process.returncode == 0

    def end(self) -> str:
        """Stop it as its parent does; returns what it complained about."""
        self.process.terminate()
        return self.process.communicate(timeout=10)[1]


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe
