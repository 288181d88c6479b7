"""ASGI with uvicorn: news by ASGI itself, the rest from the Flask app through a2wsgi: `serve.py ADDRESS`"""

import sys

import uvicorn

from gateway_zoo.serving.listen import listener

# root_path: the front strips /asgi, uvicorn puts it in front again. An open socket, because uvicorn would create the
# path for everyone (0666). ws_*: a message of up to 64 KiB reaches the app, which ends the connection in good order at
# 4 KiB; uvicorn would in the middle of the frame, and nginx, still passing the rest on, may then lose the close frame.
# A ping every 5 s, and who does not answer it is gone. Compression would cost more memory per connection than the rest.
config = uvicorn.Config(
    "news_app:app",  # beside this file
    root_path="/asgi",
    access_log=False,
    log_level="warning",
    forwarded_allow_ips="*",
    ws_max_size=65_536,
    ws_ping_interval=5,
    ws_ping_timeout=5,
    ws_per_message_deflate=False,
)
uvicorn.Server(config).run(sockets=[listener(sys.argv[1])])
