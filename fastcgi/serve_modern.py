"""FastCGI with fcgisgi: an asyncio loop speaks the protocol, four threads run the app. `serve_modern.py ADDRESS`"""

import asyncio
import os
import sys

from fcgisgi.asyncio_server import Server
from gateway_zoo.listen import listener
from zoo_app import app

# FastCGI 1.0, section 2.2: the listening socket is descriptor 0. fcgisgi binds one by itself only for everyone.
open_socket = listener(sys.argv[1])
os.dup2(open_socket.fileno(), 0)


async def main() -> None:
    await Server(app, is_asgi=False, max_workers=4).run()


asyncio.run(main())
