"""Find the versions of the zoo and of every server that an exhibit needs.

A program tells its version itself. Where it does not, and for a module of a server, the version is its package's.
Families say in cage.toml what they need, so a new gateway needs no line here.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata

from gateway_zoo.registry import installed
from gateway_zoo.registry.cages import Registry
from gateway_zoo.settings import Settings

#: Program -> the option with which it tells its version. The others do not tell.
OPTIONS = {"nginx": "-v", "apache2": "-v", "php-fpm": "-v", "php-cgi": "-v", "uwsgi": "--version"}
PATIENCE_S = 10.0  # for the answer of one program


@dataclass(frozen=True)
class Version:
    """A part and its version; None if the part is missing, or if its version is unknown (`why` says which)."""

    name: str
    version: str | None
    why: str | None = None


def versions(settings: Settings, registry: Registry) -> list[Version]:
    """The zoo, Python, both fronts, then each part that a family needs. Source: the parts that are installed here."""
    project = tomllib.loads((settings.root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    families = registry.families.values()
    distributions = metadata.packages_distributions()
    modules = dict.fromkeys(module for family in families for module in family.modules)
    programs = dict.fromkeys(program for family in families for program in family.programs)
    files = dict.fromkeys(file for family in families for file in family.apache_modules)
    return [
        Version("zoo", project["version"]),
        Version("Python", ".".join(map(str, sys.version_info[:3]))),
        _program("nginx", installed.nginx(), installed.install_command("nginx", settings.compose)),
        _program("apache2", installed.apache(), installed.install_command("apache2", settings.compose)),
        *(_module(name, distributions, settings.compose) for name in modules),
        *(_program(name, installed.program(name), installed.install_command(name)) for name in programs),
        *(_apache_module(file, settings.compose) for file in files),
    ]


def _program(name: str, path: str | None, cure: str) -> Version:
    if not path:
        return Version(name, None, f"not installed; {cure}")
    text = output_of([path, OPTIONS[name]]) if name in OPTIONS else ""
    match = re.search(r"\d+(?:\.\d+)+", text)
    return Version(name, match[0]) if match else _package(name)


def _module(name: str, distributions: Mapping[str, list[str]], compose: bool) -> Version:
    for distribution in distributions.get(name, []):
        return Version(distribution, metadata.version(distribution))
    return Version(name, None, f"not installed; {installed.install_command(name, compose)}")


def _apache_module(file: str, compose: bool) -> Version:
    name = file.replace("*", "").removesuffix(".so")
    if not installed.apache_module(file):
        return Version(name, None, f"not installed; {installed.install_command(file, compose)}")
    return _package(file, name)


def _package(part: str, name: str = "") -> Version:
    """The version of the part's package, without epoch and revision."""
    package = installed.APT.get(part, part)
    text = output_of(["dpkg-query", "-W", "-f", "${Version}", package])
    match = re.match(r"(?:\d+:)?([^-+~]+)", text)
    return Version(name or part, match[1]) if match else Version(name or part, None, "its version is unknown")


def output_of(argv: list[str]) -> str:
    """What a program prints; empty where it fails, is missing, or takes longer than PATIENCE_S."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr if done.returncode == 0 else ""
