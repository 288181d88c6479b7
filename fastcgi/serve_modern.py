"""FastCGI with fcgisgi: `serve_modern.py ADDRESS`.

An asyncio loop speaks the protocol; four threads run the app.
"""

import asyncio
import io
import os
import sys
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from fcgisgi.asyncio_server import Server
from zoo_app import app

from gateway_zoo.serving.listen import listener

# FastCGI 1.0, section 2.2: the listening socket is descriptor 0. fcgisgi would create one that every user may open.
open_socket = listener(sys.argv[1])
os.dup2(open_socket.fileno(), 0)


def with_whole_body(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Read the whole body, then call the app.

    fcgisgi calls the app as soon as the variables are there. An answer before the web server's last (empty) STDIN
    record would close the connection while the web server still sends; Apache makes that a 503.
    """
    environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read())
    return app(environ, start_response)


async def main() -> None:
    await Server(with_whole_body, is_asgi=False, max_workers=4).run()


asyncio.run(main())
