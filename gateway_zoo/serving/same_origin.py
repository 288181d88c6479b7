"""One rule about Host and Origin, for all our programs.

It refuses two attacks. Cross-site request: a page of another site opens a WebSocket to us, or posts to us; a browser
asks no permission before (no preflight), but names the page's site in Origin (RFC 6455, section 10.2; Fetch Standard).
DNS rebinding: a site makes its own name point at 127.0.0.1. Then Origin and Host agree, and only the name differs.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

#: Top-level names that no site can register (RFC 6761).
RESERVED = ("localhost", "test")

#: A name in brackets or without a colon, then perhaps a port: as nginx/params/our_names.conf has it.
HOST = re.compile(r"(\[[^]]*\]|[^:\[\]]*)(?::\d*)?")
NAME = re.compile(rf"(?:[0-9a-z_-]+|(?:[0-9a-z_-]+\.)+(?:{'|'.join(RESERVED)}))\.?", re.IGNORECASE)


def is_local_name(host: str) -> bool:
    """Can only this machine, or its network, have this name?

    True for addresses, for names below a reserved one, and for names without a dot (compose's services). `host` is the
    header, with or without a port.
    """
    if not (match := HOST.fullmatch(host)):
        return False
    name = match[1].removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return NAME.fullmatch(name) is not None and match[1] == name
    return True


def refusal(scope: Mapping[str, Any], is_ours: Callable[[str], bool] = is_local_name) -> str | None:
    """Return what is wrong with the origin of a request, or None.

    `scope` is ASGI's, of a request or a WebSocket's handshake; `is_ours` decides whether a Host names this program.

    | Host | Origin | Sec-Fetch-Site | |
    |---|---|---|---|
    | localhost:8080 | | | allowed: curl sends no Origin, nor does a page of ours that only reads |
    | localhost:8080 | http://localhost:8080 | same-origin | allowed: a page of ours |
    | localhost:8080 | | none | allowed: typed into the address bar |
    | localhost:8080 | http://localhost:8081 | | refused: another port is another origin |
    | localhost:8080 | https://localhost:8080 | | refused: another scheme, too |
    | localhost:8080 | null, or empty | | refused: a page in a sandbox, or a file |
    | localhost:8080 | | cross-site | refused: a picture or a link in another site's page |
    | evil.example | http://evil.example | same-origin | refused: DNS rebinding |
    | none, or two | | | refused: it is unclear which name is meant |

    Case does not matter in Host and Origin. Two Origins, or two Sec-Fetch-Sites, are refused as two Hosts are.
    """
    values: dict[str, list[str]] = {"host": [], "origin": [], "sec-fetch-site": []}
    for name, value in scope["headers"]:
        if (key := name.decode("latin-1").lower()) in values:
            values[key].append(value.decode("latin-1").lower())
    hosts, origins, sites = values.values()
    if len(hosts) != 1 or len(origins) > 1 or len(sites) > 1:
        return f"{len(hosts)} Host, {len(origins)} Origin, {len(sites)} Sec-Fetch-Site; expected one Host, none twice"
    if not is_ours(hosts[0]):
        return f"Host is {hosts[0][:80]!a}, which is no name of this program"
    scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
    own = f"{scheme}://{hosts[0]}"
    if origins and origins[0] != own:
        return f"Origin is {origins[0][:80]!a}; expected {own}"
    if sites and sites[0] not in ("same-origin", "none"):
        return f"Sec-Fetch-Site is {sites[0][:80]!a}; expected same-origin or none"
    return None
