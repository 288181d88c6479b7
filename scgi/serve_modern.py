"""SCGI with aioscgi: `serve_modern.py ADDRESS`.

An asyncio loop speaks SCGI and ASGI; four threads run the app through a2wsgi. aioscgi is GPL: this process is a program
of its own, and no other module imports it.
"""

import inspect
import sys

from aioscgi.asyncio import run
from aioscgi.container import Container
from aioscgi.main import NullaryListener
from zoo_app import app

from gateway_zoo.serving.listen import listener
from gateway_zoo.serving.threaded_wsgi import ThreadedWSGI

# aioscgi from 2.4 on (Python 3.12) needs to know how long a busy request may take at the end; 2.3 has no such option.
more = {"shutdown_timeout": 3.0} if "shutdown_timeout" in inspect.signature(run).parameters else {}
# An open socket instead of a path: aioscgi would create a socket that every user may open (0666).
run([], [], [listener(sys.argv[1])], Container(ThreadedWSGI(app, workers=4), None), NullaryListener(), **more)
