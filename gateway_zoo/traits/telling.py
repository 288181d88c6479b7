"""What the programs of traits tell: facts as JSON; and the words for the split of a path.

A gateway imports this file for each CGI request, so it imports nothing but json.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any


def tell(start_response: Callable[..., Any], facts: Mapping[str, Any]) -> list[bytes]:
    """Answer a WSGI request with facts, as JSON."""
    body = json.dumps(facts).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def split_words(target: str, facts: Mapping[str, Any]) -> str:
    """Name SCRIPT_NAME and PATH_INFO of a request for `target`: "prefix + rest" is right.

    The prefix of /cgi/a/b is /cgi, its rest is /a/b.
    """
    prefix = "/" + target.split("/")[1]
    names = {target: "whole", prefix: "prefix", target.removeprefix(prefix): "rest", "": "empty", None: "missing"}
    return " + ".join(names.get(facts[name], "other") for name in ("SCRIPT_NAME", "PATH_INFO"))
