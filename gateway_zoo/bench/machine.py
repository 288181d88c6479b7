"""Describe the machine on which a benchmark runs: its figures are true for it, and for these versions only."""

import datetime
import os
import platform
from pathlib import Path

from gateway_zoo.bench.records import Machine
from gateway_zoo.registry import versions
from gateway_zoo.registry.cages import Registry
from gateway_zoo.settings import Settings


def describe(settings: Settings, registry: Registry, busy: float) -> Machine:
    """Describe this machine now. `busy`: share of all cores, as measured (tools.busy)."""
    return Machine(
        cpu=_value("/proc/cpuinfo", "model name") or platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        kernel=platform.release(),
        system=platform.freedesktop_os_release().get("PRETTY_NAME", "unknown"),
        load=round(os.getloadavg()[0], 2),
        busy=round(busy, 3),
        date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        versions={each.name: each.version for each in versions.versions(settings, registry) if each.version},
    )


def _value(path: str, name: str) -> str:
    """The first value of a name in a file of lines `name : value`; empty if there is none."""
    for line in Path(path).read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""
