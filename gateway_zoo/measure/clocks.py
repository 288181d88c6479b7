"""Another machine's clock, compared with ours: for delays between an event there and its arrival here.

`/news/waiting` tells the time of the machine that makes the items. In the middle between question and answer it was
our time plus the offset, give or take half the way there and back; the fastest of a few questions counts.
"""

import json
import time
from dataclasses import dataclass

from gateway_zoo.measure import probe

QUESTIONS = 5


@dataclass(frozen=True)
class Offset:
    """Their time minus ours, in seconds, give or take `within`."""

    seconds: float
    within: float


def offset(news: str, questions: int = QUESTIONS) -> Offset:
    """Ask an exhibit's news (`http://…/<exhibit>/news`) what the time is there. OSError, http.client.HTTPException, or
    ValueError if it does not say."""
    return min((_ask(f"{news}/waiting") for _ in range(questions)), key=lambda offset: offset.within)


def _ask(url: str) -> Offset:
    sent = time.time()
    began = time.monotonic()
    answer = probe.ask(url)
    took = time.monotonic() - began
    facts = json.loads(answer.body) if answer.status == 200 else {}
    if not isinstance(facts, dict) or not isinstance(facts.get("now"), int | float):
        raise ValueError(f"{url} does not say what the time is there")
    return Offset(float(facts["now"]) - (sent + took / 2), took / 2)
