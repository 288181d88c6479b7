"""The control: an nginx of the benchmark's own that answers each request itself.

It is measured at the start, in the middle and at the end of each round. Nothing of it changes, so where its figure
moves, the machine has moved: other work, a slower clock, a noisy neighbour. One process, no master: it cannot leave a
worker behind.
"""

import contextlib
import http.client
import os
import shutil
import signal
import statistics
import tempfile
import time
from pathlib import Path

from gateway_zoo.bench import tools
from gateway_zoo.errors import fail
from gateway_zoo.keeper import ports
from gateway_zoo.registry import installed

BODY = b"ok\n"
START_S = 5.0
CONFIGURATION = """daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events { worker_connections 512; }
http {
    access_log off;
    keepalive_requests 10000000;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {
        listen 127.0.0.1:%d;
        default_type text/plain;
        location / { return 200 "ok\\n"; }
    }
}
"""


class Control:
    """`with Control() as control:` runs it; `control.url` answers BODY. Raises Stop if it does not start."""

    def __init__(self) -> None:
        self.nginx = installed.nginx()
        self.url = ""

    def __enter__(self) -> "Control":
        if not self.nginx:
            fail(installed.front_missing("nginx"), 3)
        self.folder = Path(tempfile.mkdtemp(prefix="zoo-control-"))
        self.server = None
        try:
            try:
                port = ports.first_free(1)
            except ports.NoFreePorts as error:
                fail(str(error), 3)
            (self.folder / "nginx.conf").write_text(CONFIGURATION % port, encoding="ascii")
            argv = [self.nginx, "-p", f"{self.folder}/", "-e", "stderr", "-c", "nginx.conf"]
            with (self.folder / "log").open("wb") as log:
                self.server = tools.start(argv, stdout=log, stderr=log)
            self.url = f"http://127.0.0.1:{port}/"
            self._wait(port)
            shutil.rmtree(self.folder)  # it needs no file any longer, and even a SIGKILL of us then leaves none
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait(self, port: int) -> None:
        deadline = time.monotonic() + START_S
        while not self._answers(port):
            assert self.server
            if not tools.alive(self.server) or time.monotonic() > deadline:
                words = (self.folder / "log").read_text(encoding="utf-8", errors="replace").strip()
                fail(f"the control's nginx does not start: {words}", 3)
            time.sleep(0.02)

    @staticmethod
    def _answers(port: int) -> bool:
        visitor = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
        with contextlib.closing(visitor), contextlib.suppress(OSError, http.client.HTTPException):
            visitor.request("GET", "/")
            return visitor.getresponse().read() == BODY
        return False

    def close(self) -> None:
        """Stop it and remove its folder."""
        if self.server is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.server.pid, signal.SIGTERM)
            tools.ended(self.server, START_S)
            self.server = None
        shutil.rmtree(self.folder, ignore_errors=True)


def moved(controls: list[float], limit: float) -> bool:
    """Did one of a round's controls differ from their middle by more than this share? Too few cannot tell: yes."""
    if len(controls) < 3 or not all(controls):
        return True
    middle = statistics.median(controls)
    return any(abs(value / middle - 1) > limit for value in controls)
