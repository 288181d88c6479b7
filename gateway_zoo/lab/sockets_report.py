"""sockets for people."""
from typing import Any
def show(*all: Any) -> None:
    for x in all: print(x)
