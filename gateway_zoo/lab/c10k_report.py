"""c10k for people."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway_zoo.lab.c10k import Row


def show(rows: "list[Row]") -> None:
    for row in rows:
        print(row)
