"""The Docker engine in tests: it must answer, and it builds one image at a time."""

import fcntl
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def need_engine() -> None:
    """Skip the test without an engine; fail it where ZOO_REQUIRE_DOCKER=1 says that an engine must be there."""
    try:
        done = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False)
        problem = done.stderr.strip() if done.returncode else ""
    except FileNotFoundError:
        problem = "the command docker is not installed"
    if problem and os.environ.get("ZOO_REQUIRE_DOCKER") != "1":
        pytest.skip(f"no Docker engine answers: {problem}")
    assert not problem, problem


@contextmanager
def one_build_at_a_time() -> Iterator[None]:
    """Let the builds of parallel workers wait for each other: the second one takes the layers of the first."""
    with (Path(tempfile.gettempdir()) / f"zoo-test-build-{os.getuid()}.lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
