"""Fixtures: one zoo for all tests that only ask, a fresh one for tests that break something. The order of the files."""

import os
import random
import signal
from collections.abc import Iterator

import browser
import pytest
from zoo_in_test import Zoo

#: Files that take longest, in this order: no worker is left alone with one of them at the end.
LONGEST = """
    test_whole_matrix test_run_directory test_pages_browser test_set_up test_commands test_mpm test_words
    test_figures_limits test_docs test_news_places test_wire_command test_places test_keeper test_news_browser
    test_figures_zoo test_php
    test_wire_page_browser test_board_refuses test_news test_monolith_deaths test_board_browser test_faults test_labs
    test_bystanders test_wire_record test_usage test_centre_browser
""".split()
SEED = os.environ.get("PYTEST_XDIST_TESTRUNUID") or str(os.getpid())  # the same in all workers


# Started in the background of a script, this process and all that it starts would ignore Ctrl-C (bash, "Signals").
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_report_header() -> str:
    return f"random numbers of the zoo's tests begin at {SEED!r} and the name of the test"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first; `./zoo test` hands whole files to its workers."""
    rank = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))
    for item in items:
        if item.get_closest_marker("docker"):
            item.add_marker(pytest.mark.timeout(1200))  # an image is built there


@pytest.fixture(autouse=True)
def seeded(request: pytest.FixtureRequest) -> None:
    """Seed `random` by the run and the test; pytest shows the seed where a test fails."""
    seed = f"{SEED} {request.node.nodeid}"
    print(f"random.seed({seed!r})")
    random.seed(seed)


@pytest.fixture(scope="module", autouse=True)
def browser_of_the_module() -> Iterator[None]:
    """A browser that a test of the module started ends with the module."""
    yield
    browser.close()


@pytest.fixture(scope="session")
def zoo() -> Iterator[Zoo]:
    """A running zoo with /echo, shared by the tests of one worker process. Do not break it."""
    with Zoo() as made:
        yield made.up("--echo")


@pytest.fixture
def fresh_zoo() -> Iterator[Zoo]:
    """A zoo not yet started, for one test alone."""
    with Zoo() as made:
        yield made
