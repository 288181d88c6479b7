"""The gateways page, as far as a program makes it: rendered on each request, one page per gateway, and the data.

A Flask blueprint added to the zoo's app, so hello, ping and status are the ones that every gateway serves. What the
web servers send from disk (public/) never comes here: nginx/cages/pages.conf and apache/cages/pages.conf say which is
which.

Everything is GET or HEAD and changes nothing. Parameters are checked before they are used; a wrong one is a 400 that
names it.
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

__all__ = ["app"]  # the zoo's, with the pages added

#: What the fronts send with files (nginx/params/page.conf, the macro Pages in apache/httpd.conf). A test compares.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self' http://localhost:* http://127.0.0.1:*; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
ROWS, MOST = 12, 50  # rows of the endless page at once: unasked, and at most
PIECES, PAUSE_S = 4, 0.5  # /slow: 2 s in all, during which it holds one of the four threads

pages = Blueprint("pages", __name__, template_folder="templates")


class BadParameter(ValueError):
    """The query string says something that cannot be; the message names the parameter and what was expected."""


@pages.errorhandler(BadParameter)
def bad_parameter(error: BadParameter) -> Response:
    return Response(f"400 Bad Request: {error}\n", 400, mimetype="text/plain")


@pages.after_request
def as_the_fronts_do(response: Response) -> Response:
    """The headers that the fronts give to files."""
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-cache"
    return response


# --- pages ------------------------------------------------------------------------------------------------------------


@pages.get("/", provide_automatic_options=False)
def overview() -> str:
    """The ways side by side, with links."""
    return render_template("overview.html", way="")


@pages.get("/ssr/", provide_automatic_options=False)
def ssr() -> str:
    """Rendered for this one request. write.py renders the same template once, into a file."""
    rendered = {
        "at": datetime.now(UTC).strftime("%H:%M:%S.%f")[:-3] + " UTC",
        "front": request.headers.get("X-Zoo-Front", "no front"),
    }
    return render_template("list.html", way="ssr", gateways=facts.gateways(), rendered=rendered)


@pages.get("/mpa/", provide_automatic_options=False)
def mpa() -> str:
    """The first of several pages: the list, its names being links."""
    return render_template("list.html", way="mpa", gateways=facts.gateways(), links="/pages/mpa/")


@pages.get("/mpa/<id>/", provide_automatic_options=False)
def mpa_gateway(id: str) -> ResponseReturnValue:
    """One page per gateway; an honest 404 for what is none."""
    rows = facts.gateways()
    places = [place for place, row in enumerate(rows) if row["id"] == id]
    if not places:
        return render_template("absent.html", way="mpa"), 404
    place = places[0]
    before, after = rows[place - 1] if place else None, rows[place + 1] if place + 1 < len(rows) else None
    return render_template("gateway.html", way="mpa", gateway=rows[place], before=before, after=after)


@pages.get("/scroll/", provide_automatic_options=False)
def scroll() -> str:
    """The endless page's first rows, with a link to the next ones: all of it can be read without JavaScript."""
    after, limit = _window()
    return render_template("scroll.html", way="scroll", **facts.some(after, limit), after=after, limit=limit)


@pages.get("/<any(static,csr,spa,xhr):way>", provide_automatic_options=False)
def slash(way: str) -> ResponseReturnValue:
    """A folder on disk, asked for without its slash: no file for the front. Flask does so for its own."""
    return redirect(f"{request.script_root}/{way}/", 308)


# --- data -------------------------------------------------------------------------------------------------------------


@pages.get("/data.json", provide_automatic_options=False)
def data() -> ResponseReturnValue:
    """What the list shows, for scripts to render."""
    return app.json.response(facts.gateways())


@pages.get("/gateways", provide_automatic_options=False)
def rows() -> ResponseReturnValue:
    """`?after=NUMBER&limit=ROWS`: the rows that follow. A cursor, not a page number: rows that are added before it
    shift nothing."""
    return app.json.response(facts.some(*_window()))


@pages.get("/slow", provide_automatic_options=False)
def slow() -> Response:
    """The list in four pieces with a pause before each, so that the states of a request can be watched."""
    text = json.dumps(facts.gateways())
    size = -(-len(text) // PIECES)

    def pieces() -> Iterator[str]:
        for start in range(0, len(text), size):
            time.sleep(PAUSE_S)
            yield text[start : start + size]

    answer = Response(pieces(), mimetype="application/json")
    answer.content_length = len(text)  # ASCII, so characters are bytes; a client can show how much is there
    answer.headers["X-Accel-Buffering"] = "no"  # nginx: pass each piece on as it comes
    return answer


def _window() -> tuple[int, int]:
    """(after, limit) of the query string, or the defaults; BadParameter for anything else in it."""
    if unknown := sorted(request.args.keys() - {"after", "limit"}):
        raise BadParameter(f"{_shown(unknown[0])} is no parameter; expected after, limit")
    return _number("after", 0, 0, 9999), _number("limit", ROWS, 1, MOST)


def _number(name: str, default: int, least: int, most: int) -> int:
    given = request.args.getlist(name)
    if not given:
        return default
    expected = f"expected one whole number from {least} to {most}"
    if len(given) > 1:
        raise BadParameter(f"{name} is given {len(given)} times; {expected}")
    # int() would also take '+5', '1_0' and the digits of other alphabets.
    if not re.fullmatch(r"[0-9]{1,4}", given[0]) or not least <= int(given[0]) <= most:
        raise BadParameter(f"{name} is {_shown(given[0])}; {expected}")
    return int(given[0])


def _shown(text: str) -> str:
    """A stranger's text in a message: short, and without control characters."""
    return ascii(text[:40])


app.register_blueprint(pages)
