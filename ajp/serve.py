"""AJP with flup: `serve.py ADDRESS`."""

import sys

from flup.server.ajp import WSGIServer
from zoo_app import app

from gateway_zoo.serving.flup_runner import run

# AJP has no field for SCRIPT_NAME, so the server gets it here.
run(WSGIServer, app, sys.argv[1], scriptName="/ajp", loggingLevel=30)
