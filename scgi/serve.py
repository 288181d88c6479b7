"""SCGI with flup: `serve.py threads|fork ADDRESS`."""

import sys

from flup.server import scgi, scgi_fork
from zoo_app import app

from gateway_zoo.serving.flup_runner import run

servers = {"threads": scgi.WSGIServer, "fork": scgi_fork.WSGIServer}
model, address = sys.argv[1:]
run(servers[model], app, address, loggingLevel=30)
