#!/usr/bin/env -S python3 -I -S
"""The app as a CGI program, from a Python that reads no variables and no files *.pth (-I), and does not import site (-S).

Such a Python finds no packages by itself: PACKAGES has the folders.
"""

import os
import sys

sys.path += os.environ["PACKAGES"].split(":")

from wsgiref.handlers import CGIHandler  # noqa: E402 - the folders must be known first

from zoo_app import app  # noqa: E402

CGIHandler().run(app)
