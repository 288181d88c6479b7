#!/usr/bin/env python3
"""The app as a CGI program: one process per request.

The variables come as environment, the body on standard input (RFC 3875).
"""

from wsgiref.handlers import CGIHandler

from zoo_app import app

CGIHandler().run(app)
