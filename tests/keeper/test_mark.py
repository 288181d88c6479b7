"""The mark of a run directory, made by several starts in the same moment."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gateway_zoo.keeper import run_directory
from gateway_zoo.settings import Settings, SettingsError

STARTS, ROUNDS = 8, 60


def test_starts_in_the_same_moment_refuse_none_of_them(tmp_path: Path) -> None:
    """Each sees the directory empty or marked, never a half-made mark that looks like a stranger's file."""

    def take(run: Path) -> str:
        try:
            run_directory.take(Settings(tmp_path, run))
        except SettingsError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(STARTS) as pool:
        for number in range(ROUNDS):
            run = tmp_path / str(number)
            assert set(pool.map(take, [run] * STARTS)) == {""}
            assert [path.name for path in run.iterdir()] == [run_directory.MARK]


def test_a_folder_in_the_place_of_the_mark_is_refused(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (run / "sock").mkdir(parents=True)
    (run / run_directory.MARK).mkdir()
    with pytest.raises(SettingsError, match="did not make"):
        run_directory.take(Settings(tmp_path, run))
