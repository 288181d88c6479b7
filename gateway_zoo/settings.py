"""Where this zoo lives: the checkout, the run directory, addresses. One record, read from the environment once.

Every variable has a default that is right for one zoo on one machine; tests give each zoo its own.
"""

import ipaddress
import os
import pwd
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

#: A unix socket's path must fit sockaddr_un.sun_path with its NUL: 108 bytes (unix(7)).
MAX_SOCKET_PATH = 107


#: Apache's further process models, when they run beside the first; their ports are counted from its port.
FURTHER = {"prefork": 1, "worker": 2, "itk": 3}
#: All that is read from the environment; the keeper is started with these and no others.
VARIABLES = (
    *("ZOO_ROOT", "ZOO_RUN", "ZOO_NGINX_PORT", "ZOO_APACHE_PORT", "ZOO_PORT_SHIFT", "ZOO_LISTEN", "ZOO_ECHO"),
    *("ZOO_NGINX_TLS_PORT", "ZOO_APACHE_TLS_PORT", "ZOO_MPM"),
    *("ZOO_PREFORK_PORT", "ZOO_WORKER_PORT", "ZOO_ITK_PORT"),
    *("ZOO_COMPOSE", "ZOO_NEAR", "ZOO_BRIDGE", "ZOO_BIND", "ZOO_GATEWAYS"),  # in containers
)


class SettingsError(Exception):
    """An environment variable or option has a value that cannot work; the message says which and what would."""


@dataclass(frozen=True)
class Settings:
    """Ports are numbers on loopback; `listen` is a further address for the fronts, or empty."""

    root: Path
    run: Path
    nginx_port: int = 8080
    apache_port: int = 8081
    nginx_tls_port: int = 8443
    apache_tls_port: int = 8444
    further: Mapping[str, int] = field(default_factory=dict)  # MPM -> port, where it is not the one counted
    mpm: str = "event"  # Apache's; "all": event, and beside it a front for each of the others that need no root
    port_shift: int = 0  # added to every gateway's TCP port, so that two zoos fit on one machine
    listen: str = ""
    near: str = "127.0.0.1 ::1"  # who may ask for status
    far: str = ""  # an address among those, which may not
    host: str = "127.0.0.1"  # where this machine reaches the fronts
    gateway_hosts: str = ""  # compose: `exhibit=address …` where a TCP gateway is not on loopback
    compose: bool = False
    echo: bool = False

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
    def fronts(self) -> tuple[str, ...]:
        more = [f"apache-{mpm}" for mpm in FURTHER] if self.mpm == "all" else []
        return ("nginx", "apache", *more)

    def mpm_of(self, front: str) -> str:
        """Apache's process model in this front; empty for nginx."""
        kind, _, mpm = front.partition("-")
        return "" if kind == "nginx" else mpm or (self.mpm if self.mpm != "all" else "event")

    def port(self, front: str) -> int:
        kind, _, mpm = front.partition("-")
        if kind == "nginx":
            return self.nginx_port
        return self.further.get(mpm) or self.apache_port + FURTHER.get(mpm, 0)

    def tls_port(self, front: str) -> int:
        """0 for a front without TLS."""
        return {"nginx": self.nginx_tls_port, "apache": self.apache_tls_port}.get(front, 0)

    def url(self, front: str) -> str:
        return f"http://{self.host}:{self.port(front)}"

    def tcp(self, exhibit: str, port: int) -> str:
        """Address of a TCP gateway as the fronts reach it."""
        hosts = dict(pair.split("=", 1) for pair in self.gateway_hosts.split())
        return f"{hosts.get(exhibit, '127.0.0.1')}:{port + self.port_shift}"


def user_of_the_zoo() -> pwd.struct_passwd:
    """Who the servers run as: you; started as root, the user behind sudo, else www-data. KeyError if none exists."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    sudo = os.environ.get("SUDO_USER", "root")
    return pwd.getpwnam(sudo if sudo != "root" else "www-data")


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read VARIABLES. Raises SettingsError."""
    root = Path(environ.get("ZOO_ROOT") or Path(__file__).resolve().parent.parent).absolute()
    run = Path(environ.get("ZOO_RUN") or f"/tmp/zoo-{user_of_the_zoo().pw_uid}").absolute()  # noqa: S108 - mode and owner are checked in run_directory.prepare
    return Settings(
        root=root,
        run=run,
        nginx_port=_port(environ, "ZOO_NGINX_PORT", 8080),
        apache_port=_port(environ, "ZOO_APACHE_PORT", 8081),
        nginx_tls_port=_port(environ, "ZOO_NGINX_TLS_PORT", 8443),
        apache_tls_port=_port(environ, "ZOO_APACHE_TLS_PORT", 8444),
        further={
            mpm: _port(environ, f"ZOO_{mpm.upper()}_PORT", 0)
            for mpm in FURTHER
            if environ.get(f"ZOO_{mpm.upper()}_PORT")
        },
        mpm=_mpm(environ.get("ZOO_MPM") or "event"),
        port_shift=_number(environ, "ZOO_PORT_SHIFT", 0, -30000, 30000),
        listen=_address(environ.get("ZOO_LISTEN", "")),
        near=environ.get("ZOO_NEAR") or Settings.near,
        far=_far(environ),
        host=_host(environ),
        gateway_hosts=environ.get("ZOO_GATEWAYS", ""),
        compose=environ.get("ZOO_COMPOSE") == "1",
        echo=environ.get("ZOO_ECHO") == "1",
    )


def _far(environ: Mapping[str, str]) -> str:
    """The bridge's address, while others can come. ZOO_BIND is where compose publishes the fronts: a client that enters
    there may have the bridge's address, this machine and a stranger alike. Containers keep addresses of their own."""
    return "" if _bound(environ).is_loopback else environ.get("ZOO_BRIDGE", "")


def _host(environ: Mapping[str, str]) -> str:
    """Published on one address, the fronts are reached there and not on 127.0.0.1."""
    bound = _bound(environ)
    if bound.is_unspecified:
        return Settings.host
    return f"[{bound}]" if bound.version == 6 else str(bound)


def _bound(environ: Mapping[str, str]) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    text = environ.get("ZOO_BIND") or "127.0.0.1"
    try:
        return ipaddress.ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise SettingsError(f"ZOO_BIND={text}: expected an address of this machine, or 0.0.0.0") from None


def checked(settings: Settings) -> Settings:
    """The same, if every value could have come from the environment. Raises SettingsError."""
    ports = [settings.nginx_port, settings.apache_port, settings.nginx_tls_port, settings.apache_tls_port]
    numbers = [*ports, *settings.further.values()] if isinstance(settings.further, dict) else [None]
    texts = (settings.near, settings.gateway_hosts, settings.listen, settings.mpm)
    if not all(isinstance(port, int) and 1024 <= port <= 32767 for port in numbers):
        raise SettingsError("state.json has ports that no zoo listens on; ./zoo down, then ./zoo up")
    if not isinstance(settings.port_shift, int) or not all(isinstance(text, str) for text in texts):
        raise SettingsError("state.json has settings that no zoo has; ./zoo down, then ./zoo up")
    _mpm(settings.mpm)
    _address(settings.listen)
    return settings


def _number(environ: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = environ.get(name) or str(default)
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise SettingsError(f"{name}={text}: expected a number from {low} to {high}")
    return value


def _port(environ: Mapping[str, str], name: str, default: int) -> int:
    # Above 32767 an outgoing connection may already hold the port; below 1024 one must be root.
    return _number(environ, name, default, 1024, 32767)


def _mpm(text: str) -> str:
    allowed = ("event", *FURTHER, "all")
    if text not in allowed:
        raise SettingsError(f"ZOO_MPM={text}: expected one of {', '.join(allowed)}")
    return text


def kind(front: str) -> str:
    """nginx or apache: what a cage.toml knows of a front."""
    return front.partition("-")[0]


def _address(text: str) -> str:
    if text:
        try:
            socket.inet_pton(socket.AF_INET, text)
        except OSError:
            raise SettingsError(f"ZOO_LISTEN={text}: expected an IPv4 address of this machine") from None
    return text
