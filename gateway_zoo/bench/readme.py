"""The parts of README.md that are made: the records of the JSON, and the results of a self-test.

python -m gateway_zoo.bench.readme                  name the parts that differ from the records; exit 1
python -m gateway_zoo.bench.readme --write          write them
... --write --self-test FILE                        write the results of `zoo bench --self-test --json`, too
"""

import argparse
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from gateway_zoo.bench import self_test
from gateway_zoo.bench.markdown import of_table
from gateway_zoo.bench.records import Report
from gateway_zoo.bench.self_test import SelfTest

FILE = Path(__file__).with_name("README.md")
RECORDS, RESULTS = "records", "self-test"


def records_block() -> str:
    """Each record: its text, its fields and their types. Report is the first."""
    return "\n\n".join(_record(each) for each in _structs(Report, []))


def _structs(record: type[msgspec.Struct], known: list[type[msgspec.Struct]]) -> list[type[msgspec.Struct]]:
    """A record, and all records that it leads to."""
    known.append(record)
    for hint in get_type_hints(record).values():
        for part in _parts(hint):
            if inspect.isclass(part) and issubclass(part, msgspec.Struct) and part not in known:
                _structs(part, known)
    return known


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    for each in get_args(hint):
        yield from _parts(each)


def _record(record: type[msgspec.Struct]) -> str:
    fields = [f"| `{name}` | {_type(hint)} |" for name, hint in get_type_hints(record).items()]
    return "\n".join(
        [f"#### {record.__name__}", "", inspect.getdoc(record) or "", "", "| field | type |", "| --- | --- |", *fields]
    )


def _type(hint: Any) -> str:
    """A type as a reader of JSON knows it."""
    arguments = get_args(hint)
    if get_origin(hint) is Literal:
        return " or ".join(f'"{word}"' for word in arguments)
    if get_origin(hint) is list:
        return f"list of {_type(arguments[0])}"
    if get_origin(hint) is dict:
        return f"object: {_type(arguments[0])} -> {_type(arguments[1])}"
    if arguments:
        return " or ".join(map(_type, arguments))
    names = {
        str: "text",
        float: "number",
        int: "whole number",
        bool: "true or false",
        bytes: "base64",
        type(None): "null",
    }
    return names.get(hint) or f"[{hint.__name__}](#{hint.__name__.lower()})"


def results_block(result: SelfTest) -> str:
    """The results of a self-test, with machine and date."""
    page = self_test.document(result)
    facts = "\n".join(f"- {fact}" for fact in (*page.facts, *page.warnings))
    parts = [f"**{page.title}.**", facts, *map(of_table, page.tables)]
    return "\n\n".join(parts)


def _put(text: str, name: str, block: str) -> str:
    """Replace a part of the page. A part stands between two comments."""
    pattern = rf"(<!-- {name}: .*? -->\n).*?(<!-- /{name} -->)"
    return re.sub(pattern, lambda match: f"{match[1]}\n{block}\n\n{match[2]}", text, flags=re.DOTALL)


def outdated() -> list[str]:
    """The parts that differ from the code."""
    text = FILE.read_text(encoding="utf-8")
    return [] if _put(text, RECORDS, records_block()) == text and records_block() in text else [RECORDS]


def main(argv: list[str]) -> int:
    """Compare, or write."""
    parser = argparse.ArgumentParser("bench readme")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--self-test", type=Path, metavar="FILE")
    words = parser.parse_args(argv)
    if not words.write:
        print(*outdated(), sep="\n")
        return int(bool(outdated()))
    text = _put(FILE.read_text(encoding="utf-8"), RECORDS, records_block())
    if words.self_test:
        result = msgspec.json.decode(words.self_test.read_bytes(), type=SelfTest)
        text = _put(text, RESULTS, results_block(result))
    FILE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
