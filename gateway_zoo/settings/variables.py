"""Read the settings of a zoo from the environment.

VARIABLES is the one table of all variables. What the keeper is started with, and the lists in README.md and
docker-compose.yml (__main__.py), follow from it.
"""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_zoo.settings.record import EXTRA_APACHES, Settings, SettingsError, ip, user_of_the_zoo


def _number(name: str, text: str, low: int, high: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise SettingsError(f"{name}={text}: expected a number from {low} to {high}")
    return value


def _port(name: str, text: str) -> int:
    # Above 32767 an outgoing connection may already hold the port; below 1024 only root may listen.
    return _number(name, text, 1024, 32767)


def _extra_port(name: str, text: str) -> int:
    return 0 if text in ("", "0") else _port(name, text)


def _shift(name: str, text: str) -> int:
    return _number(name, text, -30000, 30000)


def _mpm(name: str, text: str) -> str:
    allowed = ("event", *EXTRA_APACHES, "all")
    if text not in allowed:
        raise SettingsError(f"{name}={text}: expected one of {', '.join(allowed)}")
    return text


def _listen(name: str, text: str) -> str:
    if text:
        try:
            socket.inet_pton(socket.AF_INET, text)
        except OSError:
            raise SettingsError(f"{name}={text}: expected an IPv4 address of this machine") from None
    return text


def _bind(name: str, text: str) -> str:
    try:
        ip(text)
    except ValueError:
        raise SettingsError(f"{name}={text}: expected an address of this machine, or 0.0.0.0") from None
    return text


def _flag(_: str, text: str) -> bool:
    return text == "1"


def _checkout(_: str, text: str) -> Path:
    return Path(text or Path(__file__).resolve().parents[2]).absolute()


def _run(_: str, text: str) -> Path:
    return Path(text or f"/tmp/zoo-{user_of_the_zoo().pw_uid}").absolute()  # noqa: S108 - mode and owner are checked in run_directory.prepare


# --- the table --------------------------------------------------------------------------------------------------------

NATIVE, CONTAINERS, BOTH, INTERNAL = "natively", "in containers", "both", "internal"


@dataclass(frozen=True)
class Variable:
    """An environment variable of the zoo.

    `default` is a text, or in brackets a description of one. `where` it counts: INTERNAL ones are set by the zoo or by
    docker-compose.yml. `field` of Settings: empty where other code reads it.
    """

    name: str
    default: str
    where: str
    meaning: str
    field: str = ""
    parse: Callable[[str, str], Any] = lambda name, text: text

    def read(self, environ: Mapping[str, str]) -> Any:
        """The value in an environment. Raises SettingsError."""
        default = "" if self.default.startswith("(") else self.default
        return self.parse(self.name, environ.get(self.name) or default)


_EXTRA = "Apache with {}: port; natively ZOO_APACHE_PORT + {}"
_WIRE = "{} that records: port; natively ZOO_{}_PORT + 10"
VARIABLES = (
    Variable("ZOO_NGINX_PORT", "8080", BOTH, "nginx: port for HTTP", "nginx_port", _port),
    Variable("ZOO_APACHE_PORT", "8081", BOTH, "Apache: port for HTTP", "apache_port", _port),
    Variable("ZOO_NGINX_TLS_PORT", "8443", BOTH, "nginx: port for HTTPS", "nginx_tls_port", _port),
    Variable("ZOO_APACHE_TLS_PORT", "8444", BOTH, "Apache: port for HTTPS", "apache_tls_port", _port),
    *(
        Variable(f"ZOO_{mpm.upper()}_PORT", f"({8081 + n})", BOTH, _EXTRA.format(mpm, n), f"{mpm}_port", _extra_port)
        for mpm, n in EXTRA_APACHES.items()
    ),
    Variable("ZOO_CENTRE_PORT", "8000", BOTH, "the visitor centre: port; 0: none", "centre_port", _extra_port),
    Variable("ZOO_NGINX_WIRE_PORT", "(8090)", BOTH, _WIRE.format("nginx", "NGINX"), "nginx_wire_port", _extra_port),
    Variable("ZOO_APACHE_WIRE_PORT", "(8091)", BOTH, _WIRE.format("Apache", "APACHE"), "apache_wire_port", _extra_port),
    Variable("ZOO_PORT_SHIFT", "0", NATIVE, "added to the ports of the TCP gateways", "port_shift", _shift),
    Variable("ZOO_MPM", "event", NATIVE, "Apache's process model, as `up --mpm`", "mpm", _mpm),
    Variable("ZOO_RUN", "(/tmp/zoo-UID)", NATIVE, "directory of sockets, logs and generated files", "run", _run),
    Variable(
        "ZOO_LISTEN", "(none)", NATIVE, "address that opens the fronts, never `status`, to a class", "listen", _listen
    ),
    Variable("ZOO_NGINX", "(none)", NATIVE, "address of another zoo's nginx, as `check --nginx`"),
    Variable("ZOO_APACHE", "(none)", NATIVE, "address of another zoo's Apache, as `check --apache`"),
    Variable("ZOO_PYTHON", "(python3)", NATIVE, "the Python that `.venv` is made with"),
    Variable(
        *("ZOO_BIND", "127.0.0.1", CONTAINERS),
        *("address of the fronts; where others reach it, only containers get `status`", "bind", _bind),
    ),
    Variable("ZOO_NET", "10.213.77", CONTAINERS, "first three numbers of the zoo's networks"),
    Variable("ZOO_ROOT", "(the checkout)", INTERNAL, "the checkout", "root", _checkout),
    Variable("ZOO_ECHO", "0", INTERNAL, "1: exhibits answer /echo, as `up --echo`", "echo", _flag),
    Variable("ZOO_PROGRAM", "(none)", INTERNAL, "a folder that gateways read before app/, as `zoo traits`", "program"),
    Variable("ZOO_COMPOSE", "0", INTERNAL, "1: this is a container", "compose", _flag),
    Variable("ZOO_NEAR", "127.0.0.1 ::1", INTERNAL, "addresses that may ask for status", "status_allowed_from"),
    Variable("ZOO_BRIDGE", "(none)", INTERNAL, "this machine's address on the containers' network", "bridge"),
    Variable("ZOO_GATEWAYS", "(none)", INTERNAL, "`exhibit=address …` of TCP gateways in containers", "gateway_hosts"),
    Variable("ZOO_MPM_FRONTS", "(none)", INTERNAL, "`apache-worker=URL …` of extra Apaches (measure/targets.py)"),
    Variable("ZOO_FAMILY", "(none)", INTERNAL, "the family, front or service of a process"),
    Variable("ZOO_START", "(random)", INTERNAL, "the mark of one start (keeper/process.py)"),
    Variable("ZOO_LOCK", "(none)", INTERNAL, "`up` to the keeper: descriptor of the locked run directory"),
    Variable("ZOO_TERMINAL", "(none)", INTERNAL, "`up` to the keeper: descriptor that closes with the terminal"),
    Variable("ZOO_BROKEN", "(none)", INTERNAL, "`up` to the keeper: what no front starts with, in JSON"),
    Variable("ZOO_REQUIRE_DOCKER", "0", INTERNAL, "1: a test of the containers fails where Docker is missing"),
)


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read VARIABLES.

    Raises SettingsError for an impossible value, KeyError where root starts a zoo and no user for it exists.
    """
    return Settings(**{variable.field: variable.read(environ) for variable in VARIABLES if variable.field})


def environment(settings: Settings) -> dict[str, str]:
    """Return the variables from which read_settings makes these settings."""
    values = {variable.name: getattr(settings, variable.field) for variable in VARIABLES if variable.field}
    return {name: str(int(value)) if isinstance(value, bool) else str(value) for name, value in values.items()}


def port_variable(listener: str) -> str:
    """Name the variable that moves a port: of a front, of one `with TLS`, or of a gateway."""
    kind = listener.partition("-")[0]
    ports = {"nginx with TLS": "ZOO_NGINX_TLS_PORT", "apache with TLS": "ZOO_APACHE_TLS_PORT"}
    return ports.get(listener) or {"nginx": "ZOO_NGINX_PORT", "apache": "ZOO_APACHE_PORT"}.get(kind, "ZOO_PORT_SHIFT")
