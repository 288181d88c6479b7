"""FastCGI by flup: `serve.py threads|fork|spawned [ADDRESS]`."""

import sys

from flup.server import fcgi, fcgi_fork, fcgi_single
from zoo_app import app

from gateway_zoo.serving.flup_runner import run

servers = {"threads": fcgi.WSGIServer, "fork": fcgi_fork.WSGIServer, "spawned": fcgi_single.WSGIServer}
model, *address = sys.argv[1:]  # `spawned` by mod_fcgid: no address, the socket is descriptor 0
run(servers[model], app, address[0] if address else None)
