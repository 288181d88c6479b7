"""The tools that our gifts are for: Kaitai's compiler (npm) and tshark. A missing one is a skip with its reason."""

import importlib.util
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest
from zoo_in_test import ROOT

KAITAI = ROOT / ".venv/kaitai"
PACKAGES = ("kaitai-struct-compiler@0.11.0", "js-yaml@4.1.0")
#: Kaitai's compiler is a library that wants the YAML read already.
COMPILE = """
const fs = require("fs"), yaml = require("js-yaml"), compiler = require("kaitai-struct-compiler");
const [source, target] = process.argv.slice(1);
compiler.compile("python", yaml.load(fs.readFileSync(source, "utf8")), null, false).then(
  (files) => Object.entries(files).forEach(([name, text]) => fs.writeFileSync(target + "/" + name, text)),
  (error) => { console.error(String(error)); process.exit(1); });
"""
NOBODY = 65534

Segment = tuple[str, bytes]  # "request" or "response", and what it carries


def install_kaitai() -> None:
    """Once; npm writes a file of its own when it is done."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program}: apt-get install npm")
    if not (KAITAI / "node_modules/.package-lock.json").is_file():
        argv = ["npm", "install", "--prefix", str(KAITAI), "--no-audit", "--no-fund", "--no-save", *PACKAGES]
        KAITAI.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
        if done.returncode:
            pytest.skip(f"npm cannot install {PACKAGES}: {done.stderr[-200:]}")


def compiled(source: Path, target: Path) -> ModuleType:
    """The Python module that Kaitai makes of a .ksy file."""
    environ = os.environ | {"NODE_PATH": str(KAITAI / "node_modules")}
    argv = ["node", "-e", COMPILE, str(source), str(target)]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    spec = importlib.util.spec_from_file_location(f"kaitai_{source.stem}", target / f"{source.stem}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pcap(connections: Iterable[Iterable[Segment]], port: int) -> bytes:
    """A file of TCP segments between 127.0.0.1:40000, :40001 … and 127.0.0.1:`port`, one connection after the other
    (libpcap's format; raw IPv4 inside)."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 101)]
    for client, segments in enumerate(connections, 40_000):
        sent = {"request": 1, "response": 1}
        for direction, data in segments:
            other = "response" if direction == "request" else "request"
            ports = (client, port) if direction == "request" else (port, client)
            tcp = struct.pack("!HHIIBBHHH", *ports, sent[direction], sent[other], 0x50, 0x18, 65_535, 0, 0) + data
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
