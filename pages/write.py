"""Render static pages: `write.py` checks, `--write` writes.

A page on disk is rendered once, before the first request. This script renders the files of public/ from the templates
and the data of pages_app.py; nginx and Apache then send them without a program. A test runs this script, so the files
cannot differ from the templates. In the root: PYTHONPATH=app .venv/bin/python pages/write.py --write
"""

import sys
from pathlib import Path

import facts
from flask import render_template
from pages_app import app

PUBLIC = Path(__file__).with_name("public")


def render() -> dict[Path, str]:
    """Render all static pages: file -> text."""
    with app.test_request_context("/"):
        return {
            PUBLIC / "static/index.html": render_template("list.html", way="static", gateways=facts.gateways()),
            PUBLIC / "csr/index.html": render_template("csr.html", way="csr"),
            PUBLIC / "spa/index.html": render_template("spa.html", way="spa"),
            PUBLIC / "xhr/index.html": render_template("xhr.html", way="xhr"),
        }


def main(words: list[str]) -> int:
    """Return 0 if all files are current or written, else 1."""
    stale = [p for p, text in render().items() if not p.exists() or p.read_bytes() != (text + "\n").encode()]
    for path in stale:
        if "--write" in words:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes((render()[path] + "\n").encode())
        sys.stdout.write(f"{'written' if '--write' in words else 'stale'}: {path.relative_to(PUBLIC.parent)}\n")
    return 1 if stale and "--write" not in words else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
