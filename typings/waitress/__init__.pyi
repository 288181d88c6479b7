from collections.abc import Iterable
from socket import socket

def serve(
    app: object,
    *,
    sockets: Iterable[socket],
    threads: int,
    url_prefix: str,
    trusted_proxy: str,
    trusted_proxy_headers: set[str],
    clear_untrusted_proxy_headers: bool,
) -> None: ...
