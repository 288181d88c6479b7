"""The knowledge that the two directions of a connection share: which requests wait for an answer.

What trips people up: an answer may come before its request is complete. Before its request has begun, it is no answer
to it: a server that gives up waiting sends 408. Such an answer must not take the place of the next one.
"""

from collections import deque
from functools import cache
from typing import NamedTuple

from .handshake import ANY, Offer

WAITING = 100_000  # requests without an answer that are remembered, eight bytes each
OFFERS = 100  # of them with the protocols that they offer


class Asked(NamedTuple):
    """A request, as far as its answer depends on it."""

    method: bytes
    offer: Offer | None  # of another protocol
    came: bool = True  # False: no request is known, and the answer counts for none


class Heard:
    """The knowledge that the two directions of a connection share."""

    def __init__(self) -> None:
        self._waiting: deque[Asked] = deque()
        self._early = 0  # answers to requests whose head is not complete
        self.half_read = False  # a request's head is not complete
        self.asked = 0  # requests so far
        self.answered = 0  # answers to them, whose final head is there
        self.switched = ""  # the stream that both directions have become

    def ask(self, method: bytes, offer: Offer | None = None) -> bool:
        """Remember a request; False if there are too many."""
        self.asked += 1
        if self._early:
            self._early -= 1
        else:
            offer = offer and (offer if len(self._waiting) < OFFERS else ANY)
            method = method if method in {b"HEAD", b"CONNECT"} else b"GET"
            self._waiting.append(Asked(method, offer) if offer else _plain(method))
        return len(self._waiting) <= WAITING

    def answer(self) -> Asked:
        """Return the request of the next answer. If it has not come, it is a GET that any answer fits."""
        if self._waiting:
            return self._waiting.popleft()
        self._early += self.half_read
        return Asked(b"GET", ANY, self.half_read)


@cache
def _plain(method: bytes) -> Asked:
    return Asked(method, None)
