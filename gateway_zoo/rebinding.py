"""Whose name is in Host? Against DNS rebinding: a site makes its own name point at 127.0.0.1, and its page, which the
browser takes for ours, talks to servers on this machine. Origin and Host then agree, and only the name gives it away.
"""

import ipaddress
import re

#: Top-level names that nobody can register (RFC 6761).
RESERVED = ("localhost", "test")


#: A name or an address, in brackets where it has colons, and perhaps a port. Whatever else follows makes it a name that
#: only looks like ours: localhost:80.evil.example, [::1].evil.example.
_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|((?!\.)[^\[\]:@/?#,\s\\%]*))(?::\d*)?", re.IGNORECASE)


def ours(host: str) -> bool:
    """Can only this machine, or the network that it is in, be meant? True for addresses, for names below a reserved
    one, and for names without a dot (compose's services). `host`: the header, with or without a port."""
    found = _HOST.fullmatch(host)
    if not found:
        return False
    name = found[1] or found[2]
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return not found[1] and ("." not in name.rstrip(".") or name.rstrip(".").lower().rpartition(".")[2] in RESERVED)
    return True
