"""Why no WebSocket runs through CGI, FastCGI, SCGI and uwsgi: not asserted, tried.

A throw-away cage holds programs that do what a WebSocket server must: answer 101 with the right key and send every
frame back. They take over their connection to the web server, which no WSGI program can. What is left to find out is
whether the web server in front passes such a conversation on.
"""

import asyncio
import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import websockets
from own_checkout import add_cage, checkout, zoo_of
from zoo_in_test import FRONTS, Zoo, eventually, free, python_of

from gateway_zoo.measure import probe

pytestmark = pytest.mark.slow

CAGE = """
title = "Tunnel"
year = 2011
specification = "RFC 6455 in the wrong place"
interface = "WSGI"
protocol = "HTTP"
"""
PART = """
[[family]]
id = "tunnel-{0}"
server = "by hand"
model = "threads"
processes = 1
threads = 4
command = ["python", "{{cage}}/serve.py", "{0}", "{{tunnel-{0}}}"]

[[exhibit]]
id = "tunnel-{0}"
family = "tunnel-{0}"
about = "101 over {0}"
unix = "tunnel-{0}.sock"
fronts = ["nginx", "apache"]
"""
PROTOCOLS = ("fastcgi", "scgi", "uwsgi", "cgi")

SERVE = '''"""A WebSocket echo in the wrong place: `serve.py PROTOCOL ADDRESS`; without arguments a CGI program."""

import base64
import hashlib
import os
import struct
import sys
import threading

PONG = b"Content-Type: text/plain\\r\\nContent-Length: 5\\r\\n\\r\\npong\\n"


def talk(environ, read, write, status):
    """`read(n)`, `write(bytes)`: the connection, without the protocol's frames."""
    key = environ.get("HTTP_SEC_WEBSOCKET_KEY")
    if not key:
        return write(status + b" 200 OK\\r\\n" + PONG)
    accept = base64.b64encode(hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    write(status + b" 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n"
          b"Sec-WebSocket-Accept: " + accept + b"\\r\\n\\r\\n")
    write(b"\\x81\\x05first")
    while head := read(2):  # short masked text frames only: RFC 6455, section 5.2
        mask, body = read(4), read(head[1] & 127)
        write(bytes([0x81, len(body)]) + bytes(b ^ mask[i % 4] for i, b in enumerate(body)))


def pairs(data, size):
    """Variables of a FastCGI PARAMS stream (short lengths only) or of a uwsgi packet."""
    found = {}
    while data:
        if size == 1 and (data[0] | data[1]) & 128:
            long = data[0] & 128
            n, data = (int.from_bytes(data[:4], "big") & 0x7FFFFFFF, data[4:]) if long else (data[0], data[1:])
            long = data[0] & 128
            v, data = (int.from_bytes(data[:4], "big") & 0x7FFFFFFF, data[4:]) if long else (data[0], data[1:])
            name, value, data = data[:n], data[n:n + v], data[n + v:]
        elif size == 1:
            n, v = data[0], data[1]
            name, value, data = data[2:2 + n], data[2 + n:2 + n + v], data[2 + n + v:]
        else:
            n, = struct.unpack("<H", data[:2])
            v, = struct.unpack("<H", data[2 + n:4 + n])
            name, value, data = data[2:2 + n], data[4 + n:4 + n + v], data[4 + n + v:]
        found[name.decode()] = value.decode("latin-1")
    return found


def scgi(file, write):
    length = b""
    while (c := file.read(1)) != b":":
        length += c
    items = file.read(int(length) + 1)[:-2].split(b"\\0")
    talk(dict(zip(*[(x.decode("latin-1") for x in items)] * 2)), file.read, write, b"Status:")


def uwsgi(file, write):
    length, = struct.unpack("<H", file.read(4)[1:3])
    talk(pairs(file.read(length), 2), file.read, write, b"HTTP/1.1")


def fastcgi(file, write):
    def record():
        kind, length, padding = struct.unpack("!xBxxHBx", file.read(8))
        data = file.read(length)
        file.read(padding)
        return kind, data

    params, stdin = b"", b""
    while True:
        kind, data = record()
        if kind == 4 and not data:
            break
        params += data if kind == 4 else b""

    def read(n):
        nonlocal stdin
        while len(stdin) < n:
            kind, data = record()
            stdin += data
        taken, stdin = stdin[:n], stdin[n:]
        return taken

    def records(data):
        write(struct.pack("!BBHHBB", 1, 6, 1, len(data), 0, 0) + data)

    talk(pairs(params, 1), read, records, b"Status:")
    write(struct.pack("!BBHHBB", 1, 6, 1, 0, 0, 0) + struct.pack("!BBHHBB", 1, 3, 1, 8, 0, 0) + bytes(8))


def serve(protocol, connection):
    try:
        protocol(connection.makefile("rb"), connection.sendall)
    except (OSError, struct.error, IndexError, TypeError):
        pass
    connection.close()


if len(sys.argv) == 1:
    def out(data):
        os.write(1, data)

    talk(os.environ, sys.stdin.buffer.read, out, b"Status:")
elif sys.argv[1] == "cgi":
    from gateway_zoo.serving.listen import listener

    server = listener(sys.argv[2])
    os.dup2(server.fileno(), 0)
    os.execlp("fcgiwrap", "fcgiwrap")
else:
    from gateway_zoo.serving.listen import listener

    server = listener(sys.argv[2])
    while True:
        threading.Thread(target=serve, args=(globals()[sys.argv[1]], server.accept()[0]), daemon=True).start()
'''


def nginx_part(protocol: str) -> str:
    module = "fastcgi" if protocol == "cgi" else protocol
    return f"""
location /tunnel-{protocol}/ {{
    include params/{module}.conf;
    {module}_param SCRIPT_NAME /tunnel-{protocol};
    {"fastcgi_param SCRIPT_FILENAME $zoo_root/tunnel/serve.cgi;" if protocol == "cgi" else ""}
    {"fastcgi_param NO_BUFFERING 1;" if protocol == "cgi" else ""}
    {module}_pass unix:tunnel-{protocol}.sock;
}}
"""


def apache_part(protocol: str) -> str:
    if protocol == "cgi":
        return """
Use Need cgid
ScriptAlias "/tunnel-cgi" "${ZOO_ROOT}/tunnel/serve.cgi"
<Location "/tunnel-cgi/">
    PassEnv PATH PYTHONPATH ZOO_RUN ZOO_START
</Location>
"""
    scheme = {"fastcgi": "fcgi"}.get(protocol, protocol)
    # upgrade=websocket asks for all that there is; only mod_proxy_http heeds it
    target = f"unix:tunnel-{protocol}.sock|{scheme}://tunnel-{protocol}/"
    return f"""
Use Need proxy_{scheme}
ProxyPass "/tunnel-{protocol}/" "{target}" retry=0 flushpackets=on upgrade=websocket
"""


@pytest.fixture(scope="module")
def tunnels() -> Iterator[Zoo]:
    fragments = {"nginx": "".join(map(nginx_part, PROTOCOLS)), "apache": "".join(map(apache_part, PROTOCOLS))}
    with checkout() as root:
        add_cage(root, "tunnel", CAGE + "".join(map(PART.format, PROTOCOLS)), SERVE, fragments)
        program = root / "tunnel/serve.cgi"
        program.write_text("#!/usr/bin/env python3\n" + SERVE, encoding="utf-8")
        program.chmod(0o755)
        with zoo_of(root) as zoo:
            yield zoo.up(*(f"tunnel-{protocol}" for protocol in PROTOCOLS))


async def converse(url: str) -> str:
    """How far a WebSocket client comes: "no handshake", "handshake", "one way" (to us) or "echo"."""
    far = "no handshake"
    with contextlib.suppress(OSError, TimeoutError, websockets.WebSocketException):
        async with websockets.connect(url, open_timeout=4, close_timeout=1, ping_interval=None) as client:
            far = "handshake"
            assert await asyncio.wait_for(client.recv(), 4) == "first"
            far = "one way"
            await client.send("hello")
            assert await asyncio.wait_for(client.recv(), 4) == "hello"
            far = "echo"
    return far


@pytest.mark.parametrize("front", FRONTS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_only_two_of_the_old_protocols_carry_a_websocket_and_only_behind_nginx(
    tunnels: Zoo, protocol: str, front: str
) -> None:
    # nginx copies bytes both ways after a 101 for scgi_pass and uwsgi_pass, as for proxy_pass; FastCGI has its own
    # frames and an end of input, and a CGI program's input ended with the request. Apache does it for HTTP only.
    pong = f"{protocol} answers; the case before may have ended the program"
    eventually(lambda: tunnels.get(f"tunnel-{protocol}", front).text == "pong\n", 20, pong)
    far = asyncio.run(converse(tunnels.url(f"tunnel-{protocol}", front, "x").replace("http:", "ws:")))
    assert (far == "echo") == ((protocol, front) in {("scgi", "nginx"), ("uwsgi", "nginx")}), far


UWSGI_APP = """
import uwsgi


def application(environ, start_response):
    try:
        uwsgi.websocket_handshake(environ["HTTP_SEC_WEBSOCKET_KEY"])
    except OSError as error:
        start_response("500 no", [("Content-Type", "text/plain")])
        return [str(error).encode()]
"""


def test_uwsgis_own_websocket_is_not_in_the_wheel(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(UWSGI_APP, encoding="utf-8")
    port = next(port for port in range(20000, 30000) if free(port))
    argv = [str(Path(python_of()).parent / "uwsgi"), "--http-socket", f"127.0.0.1:{port}", "--module", "own"]
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen([*argv, "--die-on-term"], cwd=tmp_path, stdout=log, stderr=log)
    try:
        eventually(lambda: not free(port), 20, "uWSGI listens")
        answer = probe.ask(f"http://127.0.0.1:{port}/", headers=probe.handshake(f"http://127.0.0.1:{port}/"))
        assert (answer.status, answer.body) == (500, b"unable to complete websocket handshake")
    finally:
        server.terminate()
        server.wait(10)
    assert "build uWSGI with SSL support to use the websocket handshake" in (tmp_path / "log").read_text()
