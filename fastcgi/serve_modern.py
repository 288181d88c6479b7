"""FastCGI with fcgisgi: an asyncio loop speaks the protocol, four threads run the app. `serve_modern.py ADDRESS`"""

import asyncio
import io
import os
import sys
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from fcgisgi.asyncio_server import Server
from zoo_app import app

from gateway_zoo.serving.listen import listener

# FastCGI 1.0, section 2.2: the listening socket is descriptor 0. fcgisgi binds one by itself only for everyone.
open_socket = listener(sys.argv[1])
os.dup2(open_socket.fileno(), 0)


def whole(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Wait for the end of the body. fcgisgi calls the app as soon as the variables are there; an answer before the
    web server has sent its last (empty) STDIN record closes the connection under it, and Apache makes that a 503."""
    environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read())
    return app(environ, start_response)


async def main() -> None:
    await Server(whole, is_asgi=False, max_workers=4).run()


asyncio.run(main())
