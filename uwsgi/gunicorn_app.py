"""The app, with the path as the uwsgi packet carries it."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from zoo_app import app


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    # gunicorn ignores the packet's SCRIPT_NAME. And it decodes PATH_INFO, which the web server has decoded already:
    # /%2573tatus would pass the front, which guards `status`, and reach the app as /status. RAW_URI is PATH_INFO as
    # it came, with the query.
    query = environ["QUERY_STRING"]
    environ["PATH_INFO"] = environ["RAW_URI"].removesuffix(f"?{query}" if query else "")
    environ["SCRIPT_NAME"] = "/uwsgi-gunicorn"
    return app(environ, start_response)
