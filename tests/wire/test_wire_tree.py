"""Fields as a tree: each belongs to the nearest one before it with a smaller depth, also where fields are empty."""

from collections.abc import Iterator

import pytest
from recordings import WIRES, variables

from gateway_zoo.wire import conversation
from gateway_zoo.wire.fields import Field


def with_parts(fields: list[Field]) -> Iterator[tuple[Field, list[Field]]]:
    """Each field, and those one level below it."""
    for index, field in enumerate(fields):
        end = next((i for i in range(index + 1, len(fields)) if fields[i].depth <= field.depth), len(fields))
        yield field, [one for one in fields[index + 1 : end] if one.depth == field.depth + 1]


@pytest.mark.parametrize("protocol", ["FastCGI", "SCGI", "uwsgi", "CGI"])
def test_an_empty_value_belongs_to_its_variable(protocol: str) -> None:
    """An empty field has the offset of the variable that follows: there it would be the first part."""
    said = WIRES[protocol].request(variables("/uwsgi/hello", more=[(b"CONTENT_LENGTH", b"9000")]), b"x" * 9000)
    fields, _ = conversation.annotate(WIRES, protocol, said)
    named = [(field, parts) for field, parts in with_parts(fields) if field.name.isupper() and field.length and parts]
    assert [field for field, parts in named if not parts[0].length] == []
    assert len(named) > 10


@pytest.mark.parametrize("protocol", ["FastCGI", "SCGI", "uwsgi", "CGI", "AJP", "HTTP"])
def test_parts_lie_in_what_they_are_part_of(protocol: str) -> None:
    said = WIRES[protocol].request(variables("/uwsgi/hello", more=[(b"CONTENT_LENGTH", b"9000")]), b"x" * 9000)
    fields, _ = conversation.annotate(WIRES, protocol, said)
    for field, parts in with_parts(fields):
        end = max(offset + length for offset, length in field.spans)
        for part in parts:
            assert field.offset <= part.offset
            assert all(offset + length <= end for offset, length in part.spans), (field, part)
    assert sum(field.length for field in fields if field.depth == 0) == len(said)
