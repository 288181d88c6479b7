"""Whose name is in Host? Against DNS rebinding: a site makes its own name point at 127.0.0.1, and its page, which the
browser takes for ours, talks to servers on this machine. Origin and Host then agree, and only the name gives it away.
"""

import ipaddress

#: Top-level names that nobody can register (RFC 6761).
RESERVED = ("localhost", "test")


def ours(host: str) -> bool:
    """Can only this machine, or the network that it is in, be meant? True for addresses, for names below a reserved
    one, and for names without a dot (compose's services). `host`: the header, with or without a port."""
    name = host.partition("]")[0].removeprefix("[") if host.startswith("[") else host.rpartition(":")[0] or host
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." not in name.rstrip(".") or name.rstrip(".").lower().rpartition(".")[2] in RESERVED
    return True
