"""`--version`, `version`: the zoo, Python, both fronts and every server (registry/versions.py)."""

from dataclasses import asdict

from gateway_zoo.registry import versions
from gateway_zoo.registry.cages import load
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.messages import print_json


def run(settings: Settings, as_json: bool) -> int:
    """Exit status 0, also where a part is missing: `doctor` is the command that complains."""
    rows = versions.versions(settings, load(settings.root))
    if as_json:
        print_json([asdict(row) for row in rows])
        return 0
    out = tables.console()
    for row in rows:
        tables.line(out, f"{row.name:15} {row.version or row.why}", "" if row.version else "dim")
    return 0
