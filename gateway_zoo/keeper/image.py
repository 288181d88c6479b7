"""Which files an image was built from, and when: so that an old image under a newer checkout is seen.

`image.py FOLDER` prints it, when the image is built. A front serves it as /image.json. The service `zoo` sees the
checkout, read-only, and compares. Only the fronts can be asked over HTTP, so a single gateway of another image stays
unseen; `docker compose up --build` makes all of them new.
"""

import datetime
import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from gateway_zoo.settings import Settings

#: Written in the Dockerfile.
HERE = Path("/opt/zoo/image.json")
#: Where docker-compose.yml shows the checkout to the service `zoo`.
CHECKOUT = Path("/checkout")
#: What makes a zoo. Notes, recordings and the like of a person are no part of it.
KINDS = {f".{kind}" for kind in "py toml conf ini cgi php wsgi html css js svg json lock yml".split()}
NAMES = {"Dockerfile", "healthy"}
#: As in .dockerignore: not in the image.
LEFT_OUT = {"__pycache__", "tests", "typings"}


def files(root: Path) -> dict[str, str]:
    """Path -> what is in it, as a short hash. Line ends do not count: the Dockerfile makes them all alike."""
    found = {}
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT and not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if (path.suffix in KINDS or name in NAMES) and not name.startswith((".", "requirements-")):
                data = path.read_bytes().replace(b"\r\n", b"\n")
                found[path.relative_to(root).as_posix()] = hashlib.sha256(data).hexdigest()[:12]
    return found


def of_this_image() -> dict[str, Any] | None:
    """`built` (UTC) and `files`; None where this is no image."""
    try:
        found: dict[str, Any] = json.loads(HERE.read_text(encoding="utf-8"))
    except OSError:
        return None
    return found


def differing(image: dict[str, Any], checkout: Path) -> list[str]:
    """Paths that are not alike in both, or are in one of them only. OSError for a checkout that we may not read."""
    here, there = files(checkout), image["files"]
    return sorted(path for path in here.keys() | there.keys() if here.get(path) != there.get(path))


def older(settings: Settings, told: dict[str, Any] | None) -> str | None:
    """What to say of a zoo whose front told this, to a person in this checkout; None if all is well, or unknowable."""
    checkout = CHECKOUT if settings.compose else settings.root
    try:
        changed = differing(told, checkout) if told and (checkout / "zoo").exists() else []
    except (OSError, KeyError, TypeError, AttributeError):  # not ours to read, or not what we write
        return None
    if not told or not changed:
        return None
    few = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
    when = str(told.get("built", ""))[:25]
    return f"the image of {when} is not of this checkout: {few}; docker compose up --build --wait makes a new one"


def main() -> None:
    """See the module's text."""
    built = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    json.dump({"built": built, "files": files(Path(sys.argv[1]))}, sys.stdout)


if __name__ == "__main__":
    main()
