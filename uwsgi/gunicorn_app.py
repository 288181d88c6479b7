"""The app as gunicorn needs it here: it takes PATH_INFO from the uwsgi packet, but not SCRIPT_NAME."""

from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from zoo_app import app


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    environ["SCRIPT_NAME"] = "/uwsgi-gunicorn"
    return app(environ, start_response)
