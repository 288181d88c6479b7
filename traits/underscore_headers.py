"""Can a header X_Under pretend to be X-Under?"""

from gateway_zoo.traits.telling import tell

AXIS = "Request"
QUESTION = "Can X_Under pretend to be X-Under?"
WHY = """
X-Under and X_Under become the same variable HTTP_X_UNDER. A front that sets X-Forwarded-For, and lets X_Forwarded_For
pass, lets the client write the address. nginx drops names with an underscore. Apache drops them for gateways that get
variables, and passes them on over HTTP and AJP; there gunicorn and waitress drop them, and others mix them up.
"""
SOURCE = "RFC 3875, section 4.1.18; nginx, underscores_in_headers; PEP 3333, environ Variables"


def app(environ, start_response):
    """Tell the variable."""
    return tell(start_response, {"value": environ.get("HTTP_X_UNDER")})


def probe(cell):
    """Send the false name alone; if it arrives, send it beside the true one."""
    seen = cell.ask(headers=[("X_Under", "forged")])
    if seen.refusal:
        return seen.refusal
    if cell.facts(seen)["value"] is None:
        return "no, dropped"
    both = cell.ask(headers=[("X-Under", "true"), ("X_Under", "forged")])
    if both.refusal:
        return f"alone; both: {both.refusal}"
    value = "".join((cell.facts(both)["value"] or "").split())
    return {"true": "only alone", "forged": "yes, replaces it", "true,forged": "yes, joined"}.get(value, "other")
