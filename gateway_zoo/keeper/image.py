"""List the files of an image, and the time of its build, to notice an image older than the checkout.

`image.py FOLDER` prints the list when the image is built, and a front serves it as /image.json. The service `zoo` sees
the checkout, read-only, and compares. Only fronts answer HTTP, so one gateway of another image stays unnoticed; `docker
compose up --build` makes all images new.
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
#: Kinds of the files of a zoo. Notes and recordings of a user are no part of it.
KINDS = {f".{kind}" for kind in "py toml conf ini cgi php wsgi html css js svg json lock yml".split()}
NAMES = {"Dockerfile", "healthy"}
#: As in .dockerignore: not in the image.
LEFT_OUT = {"__pycache__", "tests", "typings"}


def files(root: Path) -> dict[str, str]:
    """Map each path to a short hash of the file, without differences of line ends (the Dockerfile removes them)."""
    hashes = {}
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT and not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            if (path.suffix in KINDS or name in NAMES) and not name.startswith((".", "requirements-")):
                data = path.read_bytes().replace(b"\r\n", b"\n")
                hashes[path.relative_to(root).as_posix()] = hashlib.sha256(data).hexdigest()[:12]
    return hashes


def of_this_image() -> dict[str, Any] | None:
    """Return `built` (UTC) and `files`; None outside an image."""
    try:
        image: dict[str, Any] = json.loads(HERE.read_text(encoding="utf-8"))
    except OSError:
        return None
    return image


def differing(image: dict[str, Any], checkout: Path) -> list[str]:
    """List the paths that differ, or that only one of both has. Raises OSError for an unreadable checkout."""
    ours, theirs = files(checkout), image["files"]
    return sorted(path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path))


def older(settings: Settings, image: dict[str, Any] | None) -> str | None:
    """Say that an image (/image.json of a front) differs from this checkout; None if it does not, or may."""
    checkout = CHECKOUT if settings.compose else settings.root
    try:
        changed = differing(image, checkout) if image and (checkout / "zoo").exists() else []
    except (OSError, KeyError, TypeError, AttributeError):  # unreadable, or of another form
        return None
    if not image or not changed:
        return None
    few = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
    when = str(image.get("built", ""))[:25]
    return f"the image of {when} is not of this checkout: {few}; docker compose up --build --wait makes a new one"


def main() -> None:
    """Print the list for a folder."""
    built = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    json.dump({"built": built, "files": files(Path(sys.argv[1]))}, sys.stdout)


if __name__ == "__main__":
    main()
