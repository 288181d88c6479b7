"""The dynamic pages of the cage `pages`, and their data.

This is a Flask blueprint in the zoo's app, so hello, ping and status are the same as in every gateway. The web servers
send the static pages from disk (public/); nginx/cages/pages.conf and apache/cages/pages.conf list them.

All requests are GET or HEAD and change nothing. A wrong parameter gets a 400 that names it.
"""

import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import facts
from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from zoo_app import app

__all__ = ["app"]  # the zoo's app, with the pages added

#: The fronts send the same with files (nginx/params/page.conf, the macro Pages in apache/httpd.conf); a test compares.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self' http://localhost:* http://127.0.0.1:*; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
ROWS, MOST = 12, 50  # rows of the endless page in one answer: by default, and at most
PIECES, PAUSE_S = 4, 0.5  # /slow: 2 s in all, during which it holds one of the four threads

pages = Blueprint("pages", __name__, template_folder="templates")


class BadParameter(ValueError):
    """A wrong parameter; says its name and the expected value."""


@pages.errorhandler(BadParameter)
def bad_parameter(error: BadParameter) -> Response:
    """Answer 400 with the reason."""
    return Response(f"400 Bad Request: {error}\n", 400, mimetype="text/plain")


@pages.after_request
def as_the_fronts_do(response: Response) -> Response:
    """Add the headers that the fronts add to files."""
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-cache"
    return response


@pages.get("/", provide_automatic_options=False)
def overview() -> str:
    """Show the ways side by side, with links."""
    return render_template("overview.html", way="")


@pages.get("/ssr/", provide_automatic_options=False)
def ssr() -> str:
    """Render the list for this request (write.py does it once)."""
    rendered = {
        "at": datetime.now(UTC).strftime("%H:%M:%S.%f")[:-3] + " UTC",
        "front": request.headers.get("X-Zoo-Front", "no front"),
    }
    return render_template("list.html", way="ssr", gateways=facts.gateways(), rendered=rendered)


@pages.get("/mpa/", provide_automatic_options=False)
def mpa() -> str:
    """Show the list, with links to one page per gateway."""
    return render_template("list.html", way="mpa", gateways=facts.gateways(), links="/pages/mpa/")


@pages.get("/mpa/<id>/", provide_automatic_options=False)
def mpa_gateway(id: str) -> ResponseReturnValue:
    """Show the page of one gateway; 404 for an unknown id."""
    rows = facts.gateways()
    places = [place for place, row in enumerate(rows) if row["id"] == id]
    if not places:
        return render_template("absent.html", way="mpa"), 404
    place = places[0]
    before, after = rows[place - 1] if place else None, rows[place + 1] if place + 1 < len(rows) else None
    return render_template("gateway.html", way="mpa", gateway=rows[place], before=before, after=after)


@pages.get("/scroll/", provide_automatic_options=False)
def scroll() -> str:
    """Show the endless page's first rows, and a link to the next."""
    after, limit = _window()
    return render_template("scroll.html", way="scroll", **facts.some(after, limit), after=after, limit=limit)


@pages.get("/<any(static,csr,spa,xhr):way>", provide_automatic_options=False)
def slash(way: str) -> ResponseReturnValue:
    """Redirect a static folder's path without its slash."""
    return redirect(f"{request.script_root}/{way}/", 308)


@pages.get("/data.json", provide_automatic_options=False)
def data() -> ResponseReturnValue:
    """Send the list as JSON, for scripts to render."""
    return app.json.response(facts.gateways())


@pages.get("/gateways", provide_automatic_options=False)
def rows() -> ResponseReturnValue:
    """Send the rows after a number: `?after=NUMBER&limit=ROWS`."""
    return app.json.response(facts.some(*_window()))


@pages.get("/slow", provide_automatic_options=False)
def slow() -> Response:
    """Send the list in four pieces, with pauses to watch."""
    text = json.dumps(facts.gateways())
    size = -(-len(text) // PIECES)

    def pieces() -> Iterator[str]:
        for start in range(0, len(text), size):
            time.sleep(PAUSE_S)
            yield text[start : start + size]

    answer = Response(pieces(), mimetype="application/json")
    answer.content_length = len(text)  # ASCII: a character is a byte; a client can show its progress
    answer.headers["X-Accel-Buffering"] = "no"  # nginx: pass each piece on as it comes
    return answer


def _window() -> tuple[int, int]:
    """Return (after, limit) of the query. Raises BadParameter."""
    if unknown := sorted(request.args.keys() - {"after", "limit"}):
        raise BadParameter(f"{_quote(unknown[0])} is no parameter; expected after, limit")
    return _number("after", 0, 0, 9999), _number("limit", ROWS, 1, MOST)


def _number(name: str, default: int, least: int, most: int) -> int:
    values = request.args.getlist(name)
    if not values:
        return default
    expected = f"expected one whole number from {least} to {most}"
    if len(values) > 1:
        raise BadParameter(f"{name} is given {len(values)} times; {expected}")
    # int() would also take '+5', '1_0' and the digits of other alphabets.
    if not re.fullmatch(r"[0-9]{1,4}", values[0]) or not least <= int(values[0]) <= most:
        raise BadParameter(f"{name} is {_quote(values[0])}; {expected}")
    return int(values[0])


def _quote(text: str) -> str:
    """Quote a client's text: short, without control characters."""
    return ascii(text[:40])


app.register_blueprint(pages)
