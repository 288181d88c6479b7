"""Ask the kernel: sockets of a port, limits, buffers."""

import resource
import socket
import sys

ESTABLISHED, LISTEN = "01", "0A"  # include/net/tcp_states.h, as /proc/net/tcp writes them


def accepted(port: int, visitors: str = "127.0.0.1") -> tuple[int, int]:
    """(connections that the server on `port` has accepted, those in its listen backlog), without `visitors`.

    /proc/net/tcp (proc(5)) has a line for each end. After the handshake a connection belongs to the listening socket,
    and its inode is 0, until accept(2) makes it a file.
    """
    suffix = f":{port:04X}"
    left_out = f"{int.from_bytes(socket.inet_aton(visitors), sys.byteorder):08X}"
    is_accepted: dict[str, bool] = {}  # by the other end: the list changes while it is read, and may repeat a line
    with open("/proc/net/tcp", encoding="ascii") as lines:
        next(lines)
        for line in lines:
            _, local, remote, state, _, _, _, _, _, inode, *_ = line.split(maxsplit=10)
            if state == ESTABLISHED and local.endswith(suffix) and not remote.startswith(left_out):
                is_accepted[remote] = inode != "0"
    return sum(is_accepted.values()), len(is_accepted) - sum(is_accepted.values())


def number(path: str) -> int | None:
    """A number from /proc/sys; None if this kernel has none."""
    try:
        with open(f"/proc/sys/{path}", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


def tcp_buffers() -> int:
    """Bytes in the buffers of all TCP sockets of this network namespace (/proc/net/sockstat counts pages)."""
    with open("/proc/net/sockstat", encoding="ascii") as lines:
        words = next(line.split() for line in lines if line.startswith("TCP:"))
    return int(words[words.index("mem") + 1]) * resource.getpagesize()


def descriptors(needed: int) -> tuple[bool, int]:
    """Raise this process's soft limit to `needed`. Returns (True if the hard limit allows it, the hard limit)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and needed > hard:
        return False, hard
    if needed > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return True, hard
