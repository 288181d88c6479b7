"""tshark with one of our scripts. Where it is missing, the test is skipped and says so."""

import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65534

Segment = tuple[str, bytes]  # "request" or "response", and what it carries; nothing: the end of this direction


def pcap(connections: Iterable[Iterable[Segment]], port: int) -> bytes:
    """A file of TCP segments between 127.0.0.1:40000, :40001 … and 127.0.0.1:`port`, one connection after the other
    (libpcap's format; raw IPv4 inside)."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101)]
    for client, segments in enumerate(connections, 40_000):
        sent = {"request": 1, "response": 1}
        for direction, data in segments:
            other = "response" if direction == "request" else "request"
            ports = (client, port) if direction == "request" else (port, client)
            tcp = (
                struct.pack(
                    "!HHIIBBHHH", *ports, sent[direction], sent[other], 0x50, 0x18 if data else 0x11, 65_535, 0, 0
                )
                + data
            )
            local, number = b"\x7f\0\0\1", len(parts) - 1
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), number, 0, 64, 6, 0, local, local) + tcp
            parts.append(struct.pack("<IIII", number, 0, len(ip), len(ip)) + ip)
            sent[direction] += len(data)
    return b"".join(parts)


@contextmanager
def _readable() -> Iterator[Path]:
    """A directory that nobody may read: pytest's own is closed to others."""
    where = Path(tempfile.mkdtemp(prefix="zw", dir="/tmp"))
    where.chmod(0o777)
    try:
        yield where
    finally:
        shutil.rmtree(where)


def tshark(
    script: Path, connections: Iterable[Iterable[Segment]], *words: str, port: int = 9002, decode: bool = True
) -> str:
    """What tshark prints with our script; as root it would load none, so then it runs as nobody."""
    if shutil.which("tshark") is None:
        pytest.skip("no tshark: apt-get install tshark")
    with _readable() as where:
        (where / "it.pcap").write_bytes(pcap(connections, port))
        shutil.copy(script, where / script.name)
        argv = ["tshark", "-X", f"lua_script:{where / script.name}", "-r", str(where / "it.pcap"), *words]
        if decode:
            argv += ["-d", f"tcp.port=={port},{script.stem}"]
        if os.geteuid() == 0:
            argv = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", *argv]
        environ = {"PATH": os.environ["PATH"], "HOME": str(where), "LANG": "C.UTF-8"}
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=60, check=False, cwd=where)
    assert done.returncode == 0, done.stderr
    assert "Lua" not in done.stderr, done.stderr
    return done.stdout


def columns(script: Path, segments: Iterable[Segment], *names: str) -> list[list[list[str]]]:
    """For each frame and each field the values, as text."""
    return columns_of_each(script, [segments], *names)[0]


def columns_of_each(script: Path, connections: Iterable[Iterable[Segment]], *names: str) -> list[list[list[list[str]]]]:
    """The same for each of several connections, by one tshark: it takes half a second to start. It only notes an error
    in Lua, so ask for that."""
    listed = [list(segments) for segments in connections]
    words = ["-T", "fields", "-E", "separator=\x01", "-E", "aggregator=\x02"]
    words += [word for name in (*names, "_ws.lua.error") for word in ("-e", name)]
    lines = iter(tshark(script, listed, *words).splitlines())
    frames = [[_cells(next(lines)) for _ in segments] for segments in listed]
    assert list(lines) == []
    assert not any(frame.pop() for connection in frames for frame in connection), f"an error in {script.name}"
    return frames


def _cells(line: str) -> list[list[str]]:
    return [cell.split("\x02") if cell else [] for cell in line.split("\x01")]
