"""Define the settings of one zoo, and what follows from them: paths, ports, addresses."""

import ipaddress
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from gateway_zoo.errors import fail

#: A unix socket's path must fit sockaddr_un.sun_path with its NUL: 108 bytes (unix(7)).
MAX_SOCKET_PATH = 107
#: Apache's process models beside the first Apache: MPM -> distance of its port from ZOO_APACHE_PORT.
EXTRA_APACHES = {"prefork": 1, "worker": 2, "itk": 3}
#: Distance of a front that records from the port of its front.
WIRE_SHIFT = 10


class SettingsError(Exception):
    """A variable or option has an impossible value; the message names both and what is possible."""


@dataclass(frozen=True)
class Settings:
    """The settings of one zoo. VARIABLES says what each field means; ports are numbers on loopback."""

    root: Path
    run: Path
    nginx_port: int = 8080
    apache_port: int = 8081
    nginx_tls_port: int = 8443
    apache_tls_port: int = 8444
    prefork_port: int = 0  # 0: counted from apache_port, as for the next two
    worker_port: int = 0
    itk_port: int = 0
    centre_port: int = 8000  # 0: no visitor centre
    nginx_wire_port: int = 0  # 0: counted from the front's, as for the next one
    apache_wire_port: int = 0
    mpm: str = "event"
    port_shift: int = 0
    listen: str = ""
    status_allowed_from: str = "127.0.0.1 ::1"
    bridge: str = ""
    bind: str = "127.0.0.1"
    gateway_hosts: str = ""
    compose: bool = False
    echo: bool = False
    program: str = ""  # a folder of the checkout that comes before app/ on the gateways' path

    def only_natively(self, instead: str) -> None:
        """Raise Stop in a container; `instead` is the sentence that says what to do there."""
        if self.compose:
            fail(instead, 3)

    @property
    def sockets(self) -> Path:
        return self.run / "sock"

    @property
    def logs(self) -> Path:
        return self.run / "logs"

    @property
    def state(self) -> Path:
        return self.run / "state.json"

    @property
    def control(self) -> Path:
        return self.run / "keeper.sock"

    @property
    def tls(self) -> Path:
        """Certificates: beside the sockets, because in compose that is what the fronts share."""
        return self.sockets / "tls"

    @property
    def status_refused_to(self) -> str:
        """An address in `status_allowed_from` that gets no status; empty if none.

        A client that enters at `bind` may have the bridge's address. So that address is trusted only while `bind` is
        a loopback address, which no other machine reaches. Containers have addresses of their own.
        """
        return "" if ip(self.bind).is_loopback else self.bridge

    @property
    def host(self) -> str:
        """Where this machine reaches the fronts: at `bind`, if that is one address."""
        bound = ip(self.bind)
        if bound.is_unspecified:
            return "127.0.0.1"
        return f"[{bound}]" if bound.version == 6 else str(bound)

    @property
    def fronts(self) -> tuple[str, ...]:
        """The names of the fronts, whether installed or not."""
        extra = [f"apache-{mpm}" for mpm in EXTRA_APACHES] if self.mpm == "all" else []
        return ("nginx", "apache", *extra)

    def mpm_of(self, front: str) -> str:
        """Apache's process model in this front; empty for nginx."""
        kind, _, mpm = front.partition("-")
        return "" if kind == "nginx" else mpm or (self.mpm if self.mpm != "all" else "event")

    def port(self, front: str) -> int:
        """The port of a front for HTTP."""
        kind, _, mpm = front.partition("-")
        if kind == "nginx":
            return self.nginx_port
        extra_ports = {"prefork": self.prefork_port, "worker": self.worker_port, "itk": self.itk_port}
        return extra_ports.get(mpm) or self.apache_port + EXTRA_APACHES.get(mpm, 0)

    def tls_port(self, front: str) -> int:
        """The port of a front for HTTPS; 0 for a front without."""
        return {"nginx": self.nginx_tls_port, "apache": self.apache_tls_port}.get(front, 0)

    def wire_ports(self, front: str) -> tuple[int, int]:
        """The ports of the front that records, for HTTP and HTTPS."""
        own = {"nginx": self.nginx_wire_port, "apache": self.apache_wire_port}.get(front, 0)
        return own or self.port(front) + WIRE_SHIFT, self.tls_port(front) + WIRE_SHIFT

    def url(self, front: str) -> str:
        """The address of a front, without a slash at the end."""
        return f"http://{self.host}:{self.port(front)}"

    def tcp(self, exhibit: str, port: int) -> str:
        """Address of a TCP gateway as the fronts reach it."""
        hosts = dict(pair.split("=", 1) for pair in self.gateway_hosts.split())
        return f"{hosts.get(exhibit, '127.0.0.1')}:{port + self.port_shift}"


def ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Read an address, with or without brackets. Raises ValueError."""
    return ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))


def user_of_the_zoo() -> pwd.struct_passwd:
    """Return the user that the servers run as: you; for root, the user behind sudo, else www-data.

    Raises KeyError if that user does not exist.
    """
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    sudo = os.environ.get("SUDO_USER", "root")
    return pwd.getpwnam(sudo if sudo != "root" else "www-data")


def kind(front: str) -> str:
    """The web server of a front: nginx or apache."""
    return front.partition("-")[0]
