"""A gateway for overload: four slots and a short backlog.

`python -m gateway_zoo.lab.queue_server ADDRESS BACKLOG`, with an ADDRESS for serving/listen.py: a unix socket or TCP.
It speaks a little HTTP/1.0: `?hold=MS` in the request line delays the answer. The zoo's own gateways are of no use
here: they keep 128 connections in the queue, and flup's threads accept more than they can serve.
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
PATIENCE_S = 10  # longer than the lab's clients wait: TCP may resend a request seconds later
ANSWER = b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\npong\n"


def serve(server: socket.socket) -> None:
    """Run a slot: serve one connection after the other, for ever. Further ones wait in the kernel."""
    while True:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            connection.settimeout(PATIENCE_S)
            request = b""
            while b"\r\n\r\n" not in request and len(request) < 8192 and (data := connection.recv(4096)):
                request += data
            if hold := re.search(rb"[?&]hold=(\d{1,4})\b", request.partition(b"\r\n")[0]):
                time.sleep(min(int(hold[1]), MOST_MS) / 1000)
            connection.sendall(ANSWER)


def main() -> None:
    address, backlog = sys.argv[1], int(sys.argv[2])
    server = listener(address)
    server.listen(backlog)  # a second listen(2) changes the length of the queue
    for _ in range(SLOTS):
        threading.Thread(target=serve, args=(server,), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()  # until the lab is gone
    os._exit(0)


if __name__ == "__main__":
    main()
