"""A checkout of a test's own, to add files to and to break. The keeper's code stays the one under test."""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zoo_in_test import ROOT, Zoo

LEFT_OUT = (".*", "__pycache__", "tests", "typings", "docs")


@contextmanager
def checkout() -> Iterator[Path]:
    """A copy of what a zoo needs, readable for the servers' user, with the same .venv."""
    root = Path(tempfile.mkdtemp(prefix="zr", dir="/tmp"))
    try:
        shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(*LEFT_OUT), dirs_exist_ok=True)
        root.chmod(0o755)
        (root / ".venv").symlink_to(ROOT / ".venv")
        yield root
    finally:
        shutil.rmtree(root)


@contextmanager
def zoo_of(root: Path) -> Iterator[Zoo]:
    """A zoo that starts from this checkout, not yet started."""
    made = Zoo(root)
    try:
        yield made
    finally:
        made.close()


def add_cage(root: Path, name: str, cage: str, launcher: str, fragments: dict[str, str]) -> list[Path]:
    """Write the files of a gateway: cage.toml, serve.py, and a fragment per front. Returns them."""
    files = {f"{name}/cage.toml": cage, f"{name}/serve.py": launcher}
    files |= {f"{front}/cages/{name}.conf": text for front, text in fragments.items()}
    (root / name).mkdir()
    for path, text in files.items():
        (root / path).write_text(text, encoding="utf-8")
    return [root / path for path in files]


def fingerprints(root: Path) -> dict[Path, str]:
    """Every file of a checkout and what is in it; compiled Python apart."""
    files = [path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files if ".venv" not in path.parts}
