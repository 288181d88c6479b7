"""Compare observed Apaches with the lecture's table (apache/mpm/lecture.toml).

A figure has an interval. Only figures whose intervals do not overlap can contradict the ranks of the lecture.
"""

from gateway_zoo.measure.mpm import RANKED, UNKNOWN, USER_PER_HOST, Seen, size

WORDS = ("lowest", "low", "high", "highest")
WORDED = ("threaded", "parent", "children", "dso", "serves")


def differences(seen: list[Seen], apache: Seen, lecture: dict[str, dict[str, str]]) -> dict[str, str]:
    """Compare one Apache with the lecture.

    Returns property -> why, for each property where the two differ. `seen`: all Apaches, for the ranks.
    """
    whys = {}
    for name in WORDED:
        observed = getattr(apache, name)
        if not agrees(lecture[name][apache.mpm], observed):
            whys[name] = _why(lecture[name], observed, apache.mpm)
    for name in RANKED:
        if _out_of_order(seen, apache, name, lecture[name]):
            whys[name] = _why(lecture[name], size(apache.interval(name), apache.fresh), apache.mpm)
    return whys


def agrees(word: str, observed: str) -> bool:
    """Tell whether the lecture's word covers an observation.

    "nobody" covers every user but root, "user" a user per virtual host, "request" a thread or a child per request. An
    unknown value contradicts no word.
    """
    if observed == UNKNOWN:
        return True
    if word == "nobody":
        return observed != USER_PER_HOST and "root" not in observed.split(", ")
    return observed == word or observed.endswith(f" per {word}") or (word == "user" and observed == USER_PER_HOST)


def _why(row: dict[str, str], observed: str, mpm: str) -> str:
    return row.get("why", "").format(observed=observed, lecture=row[mpm])


def _out_of_order(seen: list[Seen], apache: Seen, name: str, row: dict[str, str]) -> bool:
    """Tell whether two figures certainly contradict the order of the lecture's ranks. Only figures of fresh Apaches
    count, and only if their intervals do not overlap."""
    figure = apache.interval(name)
    for other in seen:
        second = other.interval(name)
        if figure is None or second is None or not (apache.fresh and other.fresh and figure.apart_from(second)):
            continue
        rank = WORDS.index(row[apache.mpm]) - WORDS.index(row[other.mpm])
        if (rank > 0 and second.value > figure.value) or (rank < 0 and figure.value > second.value):
            return True
    return False
