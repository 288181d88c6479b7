#!/usr/bin/env python3
"""The app as a CGI program (RFC 3875): one process per request."""

from wsgiref.handlers import CGIHandler

from zoo_app import app

CGIHandler().run(app)
