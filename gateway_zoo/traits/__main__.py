"""Write what is generated: the fields of the records into traits/README.md here, and the ten rows into README.md.

`python -m gateway_zoo.traits` writes both; a test fails where they have drifted.
"""

import inspect
import re
from pathlib import Path

import msgspec

from gateway_zoo.registry.cages import load
from gateway_zoo.settings import blocks
from gateway_zoo.traits import catalogue, kept, records
from gateway_zoo.traits.show import markdown

ROOT = Path(__file__).resolve().parents[2]
STRUCTS = (records.Matrix, records.TraitFacts, records.CellFacts, records.Answer, records.Evidence)
#: The most telling questions: a row of README.md each.
TELLING = [
    "pid_each_time",
    "requests_at_once",
    "print_goes_to",
    "encoded_slash",
    "duplicate_headers",
    "proxy_header_stock",
    "chunked_upload",
    "slow_upload",
    "stream_of_events",
    "exception_mid_body",
]


def fields() -> str:
    """The records of `zoo traits --json`: their docstrings, and a row for each field."""
    parts = []
    for struct in STRUCTS:
        text = " ".join((inspect.getdoc(struct) or "").split())
        parts += [f"### {struct.__name__}", "", text, "", "| field | type | default |", "|---|---|---|"]
        for field in msgspec.structs.fields(struct):
            parts.append(f"| `{field.name}` | {_type(field.type)} | {_default(field)} |")
        parts.append("")
    return "\n".join(parts).rstrip()


def _type(kind: object) -> str:
    name = kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind)
    return re.sub(r"\b(\w+\.)+", "", name).replace("|", "or")


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.default_factory is not msgspec.NODEFAULT:
        return f"`{field.default_factory()}`"
    return "" if field.default is msgspec.NODEFAULT else f"`{msgspec.json.encode(field.default).decode()}`"


def telling_rows() -> str:
    """The ten rows, from the kept values of Debian 12. Raises Stop where a trait is missing."""
    traits = [trait.facts for trait in catalogue.known(catalogue.find(ROOT), TELLING)]
    values = kept.read(ROOT, "native")
    assert values is not None
    matrix = kept.matrix(values, load(ROOT), traits)
    return "\n".join(markdown.table(matrix, traits))


#: File -> the line before a block, the block, the line behind it.
BLOCKS: blocks.Blocks = {
    "gateway_zoo/traits/README.md": (
        "<!-- fields: written by `python -m gateway_zoo.traits` -->\n",
        fields,
        "\n<!-- /fields -->",
    ),
    "README.md": (
        "<!-- traits: written by `python -m gateway_zoo.traits` -->\n",
        telling_rows,
        "\n<!-- /traits -->",
    ),
}


if __name__ == "__main__":
    blocks.write(ROOT, BLOCKS)
