"""A gateway that can be overloaded on purpose: four slots, and a listen backlog as short as asked.

`python -m gateway_zoo.lab.queue_server ADDRESS BACKLOG`, ADDRESS as in listen.py: the same program on a unix socket and
on TCP. It speaks as much HTTP/1.0 as the lab needs: `?hold=MS` in the request line makes the answer take so long. The
zoo's own gateways are no use here: they keep 128 in the queue, and flup's threads accept more than they can do.
"""

import contextlib
import os
import re
import socket
import sys
import threading
import time

from gateway_zoo.serving.listen import listener

SLOTS = 4
MOST_MS = 2000
PATIENCE_S = 10  # more than the lab's clients have: what TCP sends again may come seconds behind its connection
ANSWER = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\npong\n"


def serve(server: socket.socket) -> None:
    """One slot: a connection at a time, for ever. The others wait in the kernel."""
    while True:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            connection.settimeout(PATIENCE_S)
            request = b""
            while b"\r\n\r\n" not in request and len(request) < 8192 and (data := connection.recv(4096)):
                request += data
            if held := re.search(rb"[?&]hold=(\d{1,4})\b", request.partition(b"\r\n")[0]):
                time.sleep(min(int(held[1]), MOST_MS) / 1000)
            connection.sendall(ANSWER)


def main() -> None:
    address, backlog = sys.argv[1], int(sys.argv[2])
    server = listener(address)
    server.listen(backlog)  # a second listen(2) changes the length of the queue
    for _ in range(SLOTS):
        threading.Thread(target=serve, args=(server,), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()  # until whoever started us is gone
    os._exit(0)


if __name__ == "__main__":
    main()
