"""A recording as pcap, judged by tshark: it finds nothing wrong, dissects what it knows, and gives back every byte."""

import io
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from zoo_in_test import REGISTRY

from gateway_zoo.wire.codecs import Codecs, Direction
from gateway_zoo.wire.recorder import pcap
from gateway_zoo.wire.recording import AnyEntry, Bytes, Closed, Ended, Opened, Recorded

WIRES = Codecs(REGISTRY)
pytestmark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed: apt-get install tshark")
VARIABLES = [
    (b"REQUEST_METHOD", b"GET"),
    (b"REQUEST_URI", b"/x/hello"),
    (b"SCRIPT_NAME", b"/x"),
    (b"PATH_INFO", b"/hello"),
    (b"SERVER_PROTOCOL", b"HTTP/1.1"),
    (b"SERVER_NAME", b"localhost"),
    (b"SERVER_PORT", b"80"),
    (b"HTTP_HOST", b"zoo.test"),
]
HEADERS = [(b"Content-Type", b"text/plain"), (b"Content-Length", b"3")]


def connection(number: int, protocol: str, pieces: list[tuple[Direction, bytes]], why: str = "") -> list[AnyEntry]:
    found: list[AnyEntry] = [
        Opened(connection=number, at=1e9, exhibit=protocol, front="nginx", protocol=protocol, address="x.sock")
    ]
    found += [Bytes(connection=number, at=1e9 + 0.001, direction=d, data=data) for d, data in pieces]
    if not why:
        found.append(Ended(connection=number, at=1e9 + 0.002, direction="response"))
    return [*found, Closed(connection=number, at=1e9 + 0.003, why=why)]


def exported(tmp_path: Path, entries: list[AnyEntry]) -> Path:
    path = tmp_path / "x.pcap"
    with path.open("wb") as file:
        pcap.export([Recorded(version=1, made=1e9, secrets=False), *entries], file, WIRES)
    return path


def tshark(path: Path, *words: str) -> list[str]:
    checks = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", *pcap.DECODE_AS]
    argv = ["tshark", "-r", str(path), *checks, *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def followed(path: Path, stream: int) -> tuple[bytes, bytes]:
    """What tshark puts together from one connection: requests and responses."""
    rows = tshark(path, "-q", "-z", f"follow,tcp,raw,{stream}")
    start = next(index for index, row in enumerate(rows) if row.startswith("Node 1")) + 1
    both = [b"", b""]
    for row in rows[start:-1]:
        both[row.startswith("\t")] += bytes.fromhex(row.strip())
    return both[0], both[1]


def test_every_protocol_is_dissected(tmp_path: Path) -> None:
    entries: list[AnyEntry] = []
    for number, protocol in enumerate(["FastCGI", "AJP", "HTTP", "uwsgi", "SCGI"], 1):
        wire = WIRES[protocol]
        pieces: list[tuple[Direction, bytes]] = [
            ("request", wire.request(VARIABLES)),
            ("response", wire.response(200, HEADERS, b"ok\n")),
        ]
        entries += connection(number, protocol, pieces)
    path = exported(tmp_path, entries)
    assert (
        tshark(
            path,
            "-Y",
            '_ws.malformed || tcp.analysis.flags || ip.checksum.status == "Bad" || tcp.checksum.status == "Bad"',
        )
        == []
    )
    assert tshark(path, "-Y", "_ws.expert.severity >= 0x600000") == []  # warnings and errors
    shown = tshark(path, "-T", "fields", "-e", "tcp.stream", "-e", "frame.protocols", "-Y", "tcp.len > 0")
    found = {(int(row.split("\t")[0]), name) for row in shown for name in row.split("\t")[1].split(":")}
    assert {(0, "fcgi"), (1, "ajp13"), (2, "http")} <= found
    uris = tshark(path, "-T", "fields", "-e", "http.request.uri", "-e", "ajp13.uri", "-Y", "http.request || ajp13.uri")
    assert sorted("".join(row.split()) for row in uris) == ["/x/hello", "/x/hello"]


@pytest.mark.parametrize("why", ["", "the front: Connection reset by peer", "the relay ended"])
def test_streams_are_the_recorded_bytes(tmp_path: Path, why: str) -> None:
    """Large pieces, small ones, both directions at once; ended, reset, or cut off."""
    chance = random.Random(3)  # noqa: S311 - not a secret
    entries: list[AnyEntry] = []
    sent: list[tuple[bytes, bytes]] = []
    for number in (1, 2):
        pieces: list[tuple[Direction, bytes]] = []
        for size in (1, 65_000, 65_001, 200_000, 7, 3):
            direction: Direction = "request" if chance.random() < 0.5 else "response"
            pieces.append((direction, chance.randbytes(size)))
        entries += connection(number, "none", [("request", b"first"), *pieces], why)
        requests = b"first" + b"".join(data for direction, data in pieces if direction == "request")
        sent.append((requests, b"".join(data for direction, data in pieces if direction == "response")))
    path = exported(tmp_path, entries)
    assert [followed(path, 0), followed(path, 1)] == sent
    assert tshark(path, "-Y", "_ws.malformed || tcp.analysis.flags") == []
    resets = tshark(path, "-Y", "tcp.flags.reset == 1")
    assert len(resets) == (2 if why.startswith("the front") else 0)


def test_times_and_addresses(tmp_path: Path) -> None:
    path = exported(tmp_path, connection(1, "HTTP", [("request", b"x")]))
    first = tshark(path, "-T", "fields", "-e", "frame.time_epoch", "-e", "ip.src", "-e", "ip.dst", "-e", "tcp.dstport")
    assert first[0].split() == ["1000000000.000000000", "127.0.1.1", "127.0.2.1", "80"]
    assert first[3].split()[0] == "1000000000.001000000"


def test_a_recording_that_is_cut_off_is_exported() -> None:
    """No end is made up."""
    file = io.BytesIO()
    pcap.export(connection(1, "HTTP", [("request", b"x")])[:2], file, WIRES)
    assert file.getvalue().count(b"\x7f\0\x01\x01\x7f\0\x02\x01") == 3  # SYN, ACK, the byte
