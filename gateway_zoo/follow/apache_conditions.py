"""Evaluate the conditions in our Apache's configuration, as far as the request decides them; put its sections in order.

A condition that needs another fact, such as the address of the client, counts as true: the client is on this machine.
"""

import re
from collections.abc import Mapping

from gateway_zoo.follow.apache_config import Directive

#: Apache takes the settings of the server first, then those of its sections in this order.
LEVELS = {"<directory": 1, "<files": 2, "<location": 3, "<locationmatch": 3, "<if": 4}
HEADER = re.compile(r"%\{(?:HTTP|req|req_novary):([\w-]+)\}|(?:req|http|req_novary)\('([\w-]+)'\)")
VARIABLE = re.compile(r"%\{(?:reqenv|env):([\w-]+)\}|(?:reqenv|env)\('([\w-]+)'\)")
MATCH = re.compile(r"'?(.*?)'?\s*=~\s*(?:m(.)|/)(.*)(?:\2|/)(i?)")
GREATER = re.compile(r"(\d*)\s*-gt\s*(\d+)")
EMPTY = re.compile(r"(-n|-z)\s*'?(.*?)'?")


def put_in(text: str, headers: Mapping[str, str], env: Mapping[str, str]) -> str:
    """Put the values of headers and variables into a text."""
    text = HEADER.sub(lambda match: headers.get((match[1] or match[2]).lower(), ""), text)
    return VARIABLE.sub(lambda match: env.get(match[1] or match[2], ""), text)


def holds(expression: str, headers: Mapping[str, str], env: Mapping[str, str]) -> re.Match[str] | None:
    """Evaluate A && B && …. Returns the groups of its last pattern, or None if the expression is false."""
    groups = re.match("", "")
    for term in re.split(r"\s+&&\s+", expression):
        text = put_in(term, headers, env)
        if pattern := MATCH.fullmatch(text):
            groups = re.search(pattern[3], pattern[1], re.IGNORECASE if pattern[4] else 0)
        elif number := GREATER.fullmatch(text):
            groups = groups if int(number[1] or 0) > int(number[2]) else None
        elif value := EMPTY.fullmatch(text):
            groups = groups if (value[1] == "-n") == bool(value[2]) else None
        if groups is None:
            return None
    return groups


def last_word(condition: list[str], headers: Mapping[str, str], env: Mapping[str, str]) -> bool:
    """Evaluate the end of a line Header or RequestHeader: env=NAME, env=!NAME, expr=…, or nothing."""
    kind, _, word = (condition or [""])[0].partition("=")
    if kind == "env":
        return (word.lstrip("!") in env) != word.startswith("!")
    return kind != "expr" or holds(word, headers, env) is not None


def under(path: str, prefix: str) -> bool:
    """Is this path the prefix, or below it? /cgi/hello is below /cgi, and /cgid is not."""
    return path.startswith(prefix) and (prefix.endswith("/") or path[len(prefix) : len(prefix) + 1] in {"", "/"})


def filled(text: str, groups: re.Match[str]) -> str:
    """Put the groups of a pattern in: $1, and $0 for all of it."""
    return re.sub(r"\$(\d)", lambda match: groups[int(match[1])] or "", text)


# --- sections ---------------------------------------------------------------------------------------------------------


def section(directive: Directive, name: str) -> Directive | None:
    return next((each for each in directive.inside if each.name == name), None)


def host_of(directives: list[Directive], name: str, port: int) -> Directive | None:
    """Find the <VirtualHost> of this port that has the name as its ServerName, else the first of this port."""
    names = {host: "" for each in directives if (host := section(each, "<virtualhost"))}
    for each in directives:
        if each.name == "servername" and (host := section(each, "<virtualhost")):
            names[host] = each.args[0]
    hosts = [host for host in names if host.args[0].endswith(f":{port}")]
    hosts = hosts or [host for host in names if host.args[0].endswith(":*")]
    wanted = re.sub(r":\d*$", "", name).lower()
    return next((host for host in hosts if names[host] == wanted), hosts[0] if hosts else None)


def order_of(directive: Directive) -> tuple[int, int]:
    """The level, and for folders the depth: upper ones come first."""
    level = max((LEVELS.get(each.name, 0) for each in directive.inside), default=0)
    folder = section(directive, "<directory")
    return level, folder.args[0].rstrip("/").count("/") if folder else 0
