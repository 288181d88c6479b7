"""ASGI with uvicorn, the same Flask app through a2wsgi: `serve.py ADDRESS`"""

import sys

import uvicorn
from a2wsgi import WSGIMiddleware
from zoo_app import app

from gateway_zoo.listen import listener

# root_path: the front strips /asgi, uvicorn puts it in front again. An open socket, because uvicorn would create the
# path for everyone (0666).
config = uvicorn.Config(
    WSGIMiddleware(app, workers=4), root_path="/asgi", access_log=False, log_level="warning", forwarded_allow_ips="*"
)
uvicorn.Server(config).run(sockets=[listener(sys.argv[1])])
