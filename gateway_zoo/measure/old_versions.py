"""Find installed versions with known vulnerabilities (old_versions.toml and the floors in cage.toml)."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from gateway_zoo.registry import installed
from gateway_zoo.registry.cages import Registry
from gateway_zoo.registry.versions import output_of

WhatAndFix = tuple[str, str]


def find(registry: Registry) -> list[WhatAndFix]:
    """Return a sentence and its fix for each vulnerable Python package and web server."""
    return list(dict.fromkeys([*_packages(registry), *_fronts()]))


def _packages(registry: Registry) -> Iterator[WhatAndFix]:
    for family in registry.families.values():
        for name, floor in family.floors.items():
            if (version := _version(name)) and _numbers(version) < _numbers(floor):
                what = f"{name} {version} has known vulnerabilities, fixed in {floor}"
                yield what, f"{installed.install_command(name)} (requirements.lock has a newer one)"


def _version(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _fronts() -> Iterator[WhatAndFix]:
    facts = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    for name, binary in (("Apache", installed.apache()), ("nginx", installed.nginx())):
        version = _numbers(output_of([binary, "-v"]))[:3] if binary else ()
        if version and _numbers(facts[name].get("since", "0")) <= version < _numbers(facts[name]["fixed"]):
            yield from _judge(name, ".".join(map(str, version)), facts[name])


def _judge(name: str, version: str, facts: dict[str, Any]) -> Iterator[WhatAndFix]:
    """Judge a front from a package by its revision, if the mended one is known; any other by its version."""
    what, package = f"{name} {version}: {facts['text']}", facts["package"]
    fixed = facts.get("debian", {}).get(version)
    revision = output_of(["dpkg-query", "-W", "-f", "${Version}", package])
    if not revision:
        yield what, f"install a newer {package}"
    elif fixed is None:
        yield f"{what} unless the distribution has fixed {revision}: unknown", "apt-get upgrade"
    elif not _succeeds(["dpkg", "--compare-versions", revision, "ge", fixed]):
        yield f"{what}, fixed in {fixed}; this is {revision}", f"apt-get install --only-upgrade {package}"


def _succeeds(argv: list[str]) -> bool:
    return subprocess.run(argv, capture_output=True, timeout=10, check=False).returncode == 0


def _numbers(text: str) -> tuple[int, ...]:
    match = re.search(r"\d+(?:\.\d+)+|\d+", text)
    return tuple(int(n) for n in match.group().split(".")) if match else ()
