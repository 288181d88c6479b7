"""Fixtures: one zoo for all tests that only ask, a fresh one for tests that break something."""

from collections.abc import Iterator

import pytest
from zoo_in_test import Zoo


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
