"""Scripts for Wireshark, made from the tables in each cage's `wire`.

    python -m gateway_zoo.wire.export             name the files that differ from what the tables say
    python -m gateway_zoo.wire.export --write     write them

A protocol gets a script if its `wire` has a DISSECTOR, which says what its LAYOUT cannot.
"""

import sys
from pathlib import Path

from gateway_zoo.registry.cages import load
from gateway_zoo.wire.codecs import Codecs
from gateway_zoo.wire.export.lua import dissector

ROOT = Path(__file__).resolve().parents[3]
HEAD = """\
Generated from LAYOUT in {name}/wire by `python -m gateway_zoo.wire.export --write`: edit that, not this.

Wireshark: put it into the folder of personal Lua plugins, or
    tshark -X lua_script:{name}.lua -d tcp.port=={port},{name} -r FILE
where FILE is of `zoo wire --pcap`: there it is the port of a gateway that speaks {protocol}.
Wireshark run as root loads no scripts. Ports: Decode As …, or the preference {name}.port.

{note}
What is wrong is an expert info: {name}.malformed, or {name}.breach where all is read. A request that is cut off is
shown at the frame that ends its stream. An answer that is cut off is not noticed.
"""


def scripts() -> dict[Path, str]:
    """Path and contents of every script."""
    codecs, files = Codecs(load(ROOT)), {}
    for protocol in codecs.protocols:
        codec, cage = codecs[protocol], codecs.cages[protocol]
        if about := codec.DISSECTOR:
            head = HEAD.format(name=cage.name, port=codec.PORT, protocol=protocol, note=about.note)
            comment = "".join(f"-- {line}".rstrip() + "\n" for line in head.splitlines())
            script = dissector(codec.LAYOUT, cage.name, protocol, about)
            files[cage.path / f"{cage.name}.lua"] = f"{comment}\n{script}"
    return files


def drifted() -> list[Path]:
    """Name the files that are not what the tables say."""
    return [path for path, text in scripts().items() if not path.is_file() or path.read_text(encoding="utf-8") != text]


def main(words: list[str]) -> int:
    """Return 0 if nothing differs or all is written, 1 for a difference, 2 for wrong words."""
    if words not in ([], ["--write"]):
        print(__doc__)
        return 2
    paths = drifted()
    for path in paths:
        if words:
            path.write_text(scripts()[path], encoding="utf-8")
        print(path.relative_to(ROOT), "written" if words else "differs")
    return 1 if paths and not words else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
