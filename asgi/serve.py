"""ASGI with uvicorn: `serve.py ADDRESS`.

news_app.py answers news by ASGI itself; the rest comes from the Flask app, through a2wsgi.
"""

import sys

import uvicorn

from gateway_zoo.serving.listen import listener

# root_path: the front strips /asgi, and uvicorn puts it in front again. We pass an open socket, because uvicorn would
# create one that every user may open (0666). ws_max_size: above 4 KiB the app ends the connection, after the whole
# message. Above this size uvicorn does, in the middle of the frame; nginx still passes the rest on, and may lose the
# close frame. ws_ping: a client that does not answer a ping within 5 s is gone. Compression would cost more memory per
# connection than all the rest.
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
