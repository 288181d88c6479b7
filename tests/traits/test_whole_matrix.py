"""The whole matrix of behaviours on this machine, against its kept answers, as `make test-traits` measures it."""

import platform

import pytest
from zoo_in_test import Zoo

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # a stopped gateway is given up after 60 s, and more


@pytest.mark.skipif(
    platform.freedesktop_os_release().get("VERSION_ID") != "12",
    reason="the kept answers are of Debian 12; those of Debian 13 are measured in the image",
)
def test_no_answer_has_drifted(fresh_zoo: Zoo) -> None:
    done = fresh_zoo.cli("traits", "--expected", timeout=880)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "0 differences" in done.stdout, done.stdout
