"""Files for other people's tools, generated from the tables in each cage's wire.py: Kaitai Struct and Wireshark.

    python -m gateway_zoo.wire.gifts             which files differ from what the tables say
    python -m gateway_zoo.wire.gifts --write     write them

What a table cannot say is said here once, for both tools: where a body ends, and what cannot be known.
"""

import sys
from pathlib import Path
from typing import NamedTuple, cast

from gateway_zoo.registry.cages import load
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.export.kaitai import Table, ksy, yaml
from gateway_zoo.wire.export.lua import Protocol, dissector
from gateway_zoo.wire.recorder.pcap import PORTS
from gateway_zoo.wire.shape import Shape

ROOT = Path(__file__).resolve().parent.parent.parent.parent
MADE = "Generated from LAYOUT in {cage}/wire.py by `python -m gateway_zoo.wire.gifts --write`: edit that, not this."


class Ksy(NamedTuple):
    """What the table does not say of a Kaitai file: a name for what it describes, the fields around, what to know."""

    title: str
    called: str
    around: list[Table]
    notes: str


KSY = {
    "FastCGI": Ksy(
        "FastCGI records",
        "record",
        [{"id": "records", "type": "record", "repeat": "eos"}],
        "One direction of a connection. A variable may begin in one PARAMS record and end in the next, so the content\n"
        "of PARAMS is bytes here: join what belongs to one request id, and parse that as the type `pairs`.\n"
        "STDIN, STDOUT, STDERR and DATA are pieces of streams: join them likewise.",
    ),
    "SCGI": Ksy(
        "SCGI request",
        "head",
        [
            {"id": "head", "type": "head"},
            {
                "id": "body",
                "size": "head.headers.entries[0].value.to_i",
                "doc": "As many bytes as the first header, CONTENT_LENGTH, says.",
            },
        ],
        "A request. The answer is a CGI response, ended by closing, and not described here.\n"
        "That CONTENT_LENGTH is the first header is SCGI's rule (section 3) and not checked here, nor that it has\n"
        "only digits, that SCGI is 1 and that no name stands twice.",
    ),
    "uwsgi": Ksy(
        "uwsgi packet",
        "packet",
        [
            {"id": "packet", "type": "packet"},
            {
                "id": "rest",
                "size-eos": True,
                "doc": "All that follows: CONTENT_LENGTH bytes of body, then perhaps another packet.",
            },
        ],
        "A packet, and what follows it. Kaitai cannot look for a variable by its name, so it cannot find the one that\n"
        "counts the body, CONTENT_LENGTH: `rest` is the body and whatever the connection carries behind it.\n"
        "The answer is an HTTP response, ended by closing, and not described here.",
    ),
}
LUA = {
    "SCGI": Protocol("scgi", "SCGI", "data-text-lines", again=False, packets=()),
    "uwsgi": Protocol("uwsgi", "uwsgi", "http", again=True, packets=(100, 255)),
}
LUA_NOTES = {
    "SCGI": "The answer is a CGI response. Wireshark has no dissector for it: each segment is shown as lines of text.",
    "uwsgi": "The answer is an HTTP response and given to Wireshark's own dissector; a pong is a packet.",
}


def gifts() -> dict[Path, str]:
    """What each file should hold."""
    wires, cages = Codecs(load(ROOT)), {"FastCGI": "fastcgi", "SCGI": "scgi", "uwsgi": "uwsgi"}
    layouts = {protocol: cast("Shape", wires[protocol].LAYOUT) for protocol in cages}  # type: ignore[attr-defined]
    files = {ROOT / cages[name] / f"{cages[name]}.ksy": kaitai(layouts[name], cages[name], KSY[name]) for name in KSY}
    for name in LUA:
        files[ROOT / cages[name] / f"{cages[name]}.lua"] = lua(layouts[name], cages[name], name)
    return files


def kaitai(layout: Shape, cage: str, about: Ksy) -> str:
    use = (
        f"Kaitai Struct, https://kaitai.io: `kaitai-struct-compiler -t python {cage}.ksy`, or open it and a file with\n"
        "the bytes of one direction in https://ide.kaitai.io."
    )
    head = {"id": cage, "title": about.title, "license": "MIT", "ks-version": "0.9", "endian": "be"}
    return comment("# ", MADE.format(cage=cage), use, about.notes) + yaml(ksy(layout, about.called, head, about.around))


def lua(layout: Shape, cage: str, name: str) -> str:
    use = (
        f"Wireshark: put it into the folder of personal Lua plugins, or\n"
        f"    tshark -X lua_script:{cage}.lua -d tcp.port=={PORTS[name]},{cage} -r FILE\n"
        f"where FILE is of `zoo wire --pcap`: there it is the port of a gateway that speaks {name}.\n"
        f"Wireshark run as root loads no scripts. Ports: Decode As …, or the preference {cage}.port."
    )
    return comment("-- ", MADE.format(cage=cage), use, LUA_NOTES[name]) + dissector(layout, LUA[name])


def comment(mark: str, *paragraphs: str) -> str:
    lines = "\n\n".join(paragraphs).splitlines()
    return "".join(f"{mark}{line}".rstrip() + "\n" for line in lines) + "\n"


def drifted() -> list[Path]:
    """Files that are not what the tables say."""
    return [path for path, text in gifts().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]


def main(words: list[str]) -> int:
    if words not in ([], ["--write"]):
        print(__doc__)
        return 2
    paths = drifted()
    for path in paths:
        if words:
            path.write_text(gifts()[path], encoding="utf-8")
        print(path.relative_to(ROOT), "written" if words else "differs")
    return 1 if paths and not words else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
