"""The files of public/ that come from templates: `write.py` says which are stale, `write.py --write` makes them.

A page on disk is a page that was rendered once, before anybody asked. These are rendered here, from the templates and
the data that pages_app.py uses, and then nginx and Apache serve them without any program. A test runs this, so the
files cannot drift from the templates. In the root: PYTHONPATH=app .venv/bin/python pages/write.py --write
"""

import sys
from pathlib import Path

import facts
from flask import render_template
from pages_app import app

PUBLIC = Path(__file__).with_name("public")


def made() -> dict[Path, str]:
    """File -> what it must contain."""
    with app.test_request_context("/"):
        return {
            PUBLIC / "static/index.html": render_template("list.html", way="static", gateways=facts.gateways()),
            PUBLIC / "csr/index.html": render_template("csr.html", way="csr"),
            PUBLIC / "spa/index.html": render_template("spa.html", way="spa"),
            PUBLIC / "xhr/index.html": render_template("xhr.html", way="xhr"),
        }


def main(words: list[str]) -> int:
    """Exit 0 if all files are current (or now written), 1 if one is not."""
    stale = [path for path, text in made().items() if not path.exists() or path.read_bytes() != (text + "\n").encode()]
    for path in stale:
        if "--write" in words:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes((made()[path] + "\n").encode())
        sys.stdout.write(f"{'written' if '--write' in words else 'stale'}: {path.relative_to(PUBLIC.parent)}\n")
    return 1 if stale and "--write" not in words else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
