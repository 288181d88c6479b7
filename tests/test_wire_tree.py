"""Fields as a tree: each belongs to the nearest one before it with a smaller depth, also where fields are empty."""

import pytest
from recordings import WIRES, variables

from gateway_zoo.wire import talk


@pytest.mark.parametrize("protocol", ["FastCGI", "uwsgi"])
def test_an_empty_value_belongs_to_its_variable(protocol: str) -> None:
    """An empty field has the offset of the variable, or the record, that follows."""
    fields, _ = talk.annotate(WIRES, protocol, WIRES[protocol].request(variables("/uwsgi/hello")))
    for index, field in enumerate(fields):
        if field.name.isupper() and field.value == "" and field.name.startswith(("QUERY", "CONTENT")):
            parts = fields[index + 1 : index + 5]
            assert [part.depth for part in parts] == [field.depth + 1] * 4
            assert sum(part.length for part in parts) == field.length, field.name


@pytest.mark.parametrize("protocol", ["FastCGI", "uwsgi"])
def test_parts_lie_in_what_they_are_part_of(protocol: str) -> None:
    fields, _ = talk.annotate(WIRES, protocol, WIRES[protocol].request(variables("/uwsgi/hello"), b"x" * 70_000))
    above: list[tuple[int, int]] = []
    for field in fields:
        above[field.depth :] = []
        for start, end in above:
            assert start <= field.offset
            assert all(offset + length <= end for offset, length in field.spans), field
        above.append((field.offset, max(offset + length for offset, length in field.spans)))
    assert len(fields) > 50
