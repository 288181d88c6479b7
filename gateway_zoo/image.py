"""Is the image older than the checkout? A container cannot look into the checkout, unless it is shown to it.

The build writes down what went into the image (`python -m gateway_zoo.image`, see Dockerfile). A front in a container
shows that at /image.json, and the day on its first page. The service `zoo` sees the checkout at /checkout, read-only,
and holds it against what each front shows. Elsewhere, and where a file may not be read, the answer is "unknown".
"""

import contextlib
import datetime
import hashlib
import http.client
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_zoo import bounded

RECORD = Path("/opt/zoo/image.json")  # {"built": time in ISO 8601, "files": {path: SHA-256}}
CHECKOUT = Path("/checkout")
#: What .dockerignore keeps out of the image, besides names that begin with a dot.
LEFT_OUT = ("__pycache__", "tests", "typings", "requirements-nginx.lock", "requirements-test.lock")
CURE = "docker compose up --build --wait"


@dataclass(frozen=True)
class Difference:
    """What the checkout has that a front's image was not built from: paths, in the order of their names."""

    front: str
    built: str
    changed: list[str]
    added: list[str]
    removed: list[str]

    def sentence(self) -> str:
        """For people: what differs, and the command that mends it."""
        words = [f"{name} {', '.join(paths[:3])}{' …' if len(paths) > 3 else ''}" for name, paths in self._named()]
        return f"the image behind {self.front} is older than this checkout ({'; '.join(words)}); {CURE}"

    def _named(self) -> list[tuple[str, list[str]]]:
        named = (("changed:", self.changed), ("new:", self.added), ("gone:", self.removed))
        return [(name, paths) for name, paths in named if paths]


def contents(root: Path) -> dict[str, str]:
    """Path -> SHA-256 of each file that goes into an image. Line ends do not count: the build makes them alike."""
    found = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not _left_out(name)]
        for path in (Path(folder, name) for name in files if not _left_out(name)):
            found[str(path.relative_to(root))] = hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
    return found


def _left_out(name: str) -> bool:
    return name.startswith(".") or name in LEFT_OUT or name.endswith(".pyc")


def difference(front: str, url: str, checkout: Path = CHECKOUT) -> Difference | None:
    """What the image behind a front lacks of the checkout. None: nothing, or it cannot be known."""
    if not (checkout / "app").is_dir():
        return None
    with contextlib.suppress(OSError, ValueError, LookupError, TypeError, http.client.HTTPException):
        record = _shown(url)
        then, now = dict(record["files"]), contents(checkout)
        changed = sorted(path for path in then.keys() & now.keys() if then[path] != now[path])
        seen = Difference(
            front, record["built"], changed, sorted(now.keys() - then.keys()), sorted(then.keys() - now.keys())
        )
        return seen if seen._named() else None
    return None


def _shown(url: str) -> dict[str, Any]:
    with contextlib.closing(bounded.connect(url, seconds=5)) as connection:
        connection.request("GET", "/image.json", headers={"Connection": "close"})
        record: dict[str, Any] = json.loads(connection.getresponse().read())
    return record


def built() -> str:
    """When this image was built, as a person reads it; empty outside of one."""
    with contextlib.suppress(OSError, ValueError, LookupError):
        return datetime.datetime.fromisoformat(json.loads(RECORD.read_text())["built"]).strftime("%Y-%m-%d %H:%M UTC")
    return ""


def main() -> None:
    """Print the record of the checkout that stands here. Part of the build."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    json.dump({"built": now, "files": contents(Path(__file__).resolve().parent.parent)}, sys.stdout)


if __name__ == "__main__":
    main()
