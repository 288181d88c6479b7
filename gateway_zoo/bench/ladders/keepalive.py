"""Upstream keep-alive: nginx opens a connection to gunicorn for each request, or keeps it for the next.

`keepalive` without an HTTP version or with a header Connection: close would do nothing: nginx's documentation of
ngx_http_upstream_module asks for HTTP/1.1 and an empty Connection, and params/proxy.conf has both.
"""

from collections.abc import Iterator

from gateway_zoo.bench.ground import Ground
from gateway_zoo.bench.ladder import Ladder, Step
from gateway_zoo.bench.records import Side, Target

PROCESSES, THREADS = 2, 2
OPTIONS = "--worker-class gthread --worker-connections 64 --keep-alive 60"  # beside those of the exhibit wsgi


def start(ground: Ground) -> Iterator[Target]:
    """Start a gunicorn, and one nginx that asks it in both ways."""
    shape = ["--workers", str(PROCESSES), "--threads", str(THREADS)]
    argv = ["gunicorn", "--config", f"{ground.checkout}/wsgi/gunicorn.conf.py", *OPTIONS.split(), *shape]
    argv += ["--bind", "unix:gunicorn.sock", "zoo_app:app"]
    gateway = Side(sessions=[ground.server("gunicorn", argv)])
    location = "location /%s/ { include params/proxy.conf; proxy_pass http://%s/; }"
    locations = "\n".join(location % (way, way) for way in ("off", "on"))
    server = "server unix:gunicorn.sock;"
    address, front = ground.nginx(locations, f"upstream off {{ {server} }} upstream on {{ {server} keepalive 16; }}")
    for way in ("off", "on"):
        url = f"{address}/{way}/ping"
        yield Target(way, url, b"pong\n", PROCESSES, THREADS, gateway, front, behind="nginx")


LADDER = Ladder(
    title="Upstream keep-alive",
    about="The same gunicorn behind the same nginx, over HTTP and a unix socket.",
    steps=(
        Step("off", "nginx opens a connection to gunicorn for each request."),
        Step("on", "nginx keeps open connections (keepalive 16), and sends the next request over one of them."),
    ),
    start=start,
)
