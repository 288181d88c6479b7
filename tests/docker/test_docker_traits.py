"""The whole matrix of behaviours in the image, against its kept answers: one container with a zoo of its own."""

import subprocess
from collections.abc import Iterator

import pytest
from compose_in_test import Compose
from docker_engine import need_engine, one_build_at_a_time

pytestmark = pytest.mark.docker


@pytest.fixture(name="compose")
def a_project_that_is_not_up() -> Iterator[Compose]:
    """No service runs: the measurement needs none."""
    need_engine()
    project = Compose()
    try:
        with one_build_at_a_time():
            project.ok("build")
        yield project
    finally:
        project.ok("--profile", "*", "down", "-v")
    assert not project.leftovers()


def test_no_answer_of_the_image_has_drifted(compose: Compose) -> None:
    words = ["docker", "compose", "run", "--rm", "-T", "zoo", "traits", "--expected"]
    done = subprocess.run(words, env=compose.env, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "0 differences" in done.stdout, done.stdout
