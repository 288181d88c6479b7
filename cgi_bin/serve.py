"""CGI for nginx: `serve.py ADDRESS`, four fcgiwraps on one socket."""

import sys

from gateway_zoo.serving.fcgiwraps import run

run(sys.argv[1])
