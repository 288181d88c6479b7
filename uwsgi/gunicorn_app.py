"""The app as gunicorn needs it here: with the path that the uwsgi packet carries, not what gunicorn makes of it."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from zoo_app import app


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    # gunicorn leaves the packet's SCRIPT_NAME aside, and decodes PATH_INFO a second time, after the web server has:
    # then /%2573tatus is a harmless path to the front, which guards `status`, and /status to the app. RAW_URI is
    # PATH_INFO as it came, with the query.
    query = environ["QUERY_STRING"]
    environ["PATH_INFO"] = environ["RAW_URI"].removesuffix(f"?{query}" if query else "")
    environ["SCRIPT_NAME"] = "/uwsgi-gunicorn"
    return app(environ, start_response)
