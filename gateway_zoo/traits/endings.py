"""How an answer ended whose program broke off: can the client tell?"""

from gateway_zoo.traits.exchange import Exchange


def ending(seen: Exchange) -> str:
    """Few words: the status of another answer, what is missing, or "looks complete"."""
    answer = seen.answer
    if not answer.status:
        return "no answer, reset" if seen.ended == "reset" else f"no answer, {seen.ended}"
    if answer.status >= 400:
        return str(answer.status)
    if answer.whole:
        return "looks complete"
    if answer.framing == "chunked":
        return "last chunk missing"
    return "short of its length" if answer.framing == "length" else f"connection {seen.ended}"
