"""CGI for nginx, by four fcgiwraps: `serve.py ADDRESS`."""

import sys

from gateway_zoo.serving.fcgiwraps import run

run(sys.argv[1])
