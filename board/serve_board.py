"""The sticker board on uvicorn: `serve_board.py ADDRESS`."""

import sys

import uvicorn
from board_app import app
from visitor import MESSAGE_BYTES

from gateway_zoo.serving.listen import listener

config = uvicorn.Config(
    app,
    # As in asgi/serve.py: the front strips the prefix, and its headers tell the client's address and scheme.
    root_path="/asgi-board",
    forwarded_allow_ips="*",
    access_log=False,
    log_level="warning",
    ws="websockets-sansio",
    # Both fronts end a connection that is silent for 60 s; a ping each 20 s, and its pong, keep it open. A visitor
    # that does not answer a ping within 20 s is gone: a closed laptop sends no goodbye.
    ws_ping_interval=20,
    ws_ping_timeout=20,
    # A message that is too long ends its connection with 1009. The app does so after the whole message. Above this
    # size uvicorn does so in the middle of the frame; nginx still passes the rest on, and may lose the close frame.
    ws_max_size=16 * MESSAGE_BYTES,
    ws_per_message_deflate=False,  # messages are short: compressing each for each visitor would cost more than it saves
    timeout_graceful_shutdown=2,  # seconds to send 1012 ("service restart") to visitors that do not read
)
uvicorn.Server(config).run(sockets=[listener(sys.argv[1])])
