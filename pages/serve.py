"""The pages in waitress, four threads: `serve.py ADDRESS`."""

import sys

import waitress
from pages_app import app

from gateway_zoo.serving.listen import listener

waitress.serve(
    app,
    sockets=[listener(sys.argv[1])],
    threads=4,
    url_prefix="/pages",
    trusted_proxy="localhost",  # waitress's name for the peer on a unix socket: our web server
    trusted_proxy_headers={"x-forwarded-for", "x-forwarded-proto"},
    clear_untrusted_proxy_headers=True,
)
