"""Whose name is in Host? Against DNS rebinding: a site makes its own name point at 127.0.0.1, and its page, which the
browser takes for ours, talks to servers on this machine. Origin and Host then agree, and only the name gives it away.
"""

import ipaddress
import re

#: Top-level names that nobody can register (RFC 6761).
RESERVED = ("localhost", "test")


#: A name in brackets or without a colon, then perhaps a port: as nginx/params/our_names.conf has it.
HOST = re.compile(r"(\[[^]]*\]|[^:\[\]]*)(?::\d*)?")
NAME = re.compile(rf"(?:[0-9a-z_-]+|(?:[0-9a-z_-]+\.)+(?:{'|'.join(RESERVED)}))\.?", re.IGNORECASE)


def is_local_name(host: str) -> bool:
    """Can only this machine, or the network that it is in, be meant? True for addresses, for names below a reserved
    one, and for names without a dot (compose's services). `host`: the header, with or without a port."""
    if not (found := HOST.fullmatch(host)):
        return False
    name = found[1].removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return NAME.fullmatch(name) is not None and found[1] == name
    return True
