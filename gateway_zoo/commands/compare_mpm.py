"""`compare --mpm`: Apache's process models, observed, beside the lecture (measure/mpm.py, measure/lecture.py)."""

import functools
import tomllib
from dataclasses import asdict

from gateway_zoo.commands.tables import mpm_table
from gateway_zoo.errors import fail, printable
from gateway_zoo.measure import mpm
from gateway_zoo.measure.lecture import differences
from gateway_zoo.settings import Settings
from gateway_zoo.terminal import tables
from gateway_zoo.terminal.messages import print_json, say


def run(settings: Settings, as_json: bool, urls: dict[str, str]) -> int:
    """Observe every Apache that answers.

    Exit 0, also where the lecture differs; 1 if an answer cannot be used; 3 if no Apache answers.
    """
    try:
        fronts = mpm.fronts(settings, urls)
        if not fronts:
            fail(f"no Apache with mod_wsgi-embedded answers; {_how(settings, 'all')} starts one for each MPM", 3)
        fresh = not any(urls.values()) and not settings.compose
        with tables.console(error=True).status("") as status:
            seen = mpm.watch(settings, fronts, status.update, fresh=fresh)
    except (mpm.Unusable, OSError) as error:
        say(printable(error))
        return 1
    lecture = tomllib.loads((settings.root / "apache/mpm/lecture.toml").read_text(encoding="utf-8"))
    rows = [asdict(apache) | {"differs": differences(seen, apache, lecture)} for apache in seen]
    if as_json:
        print_json({"mpms": rows, "lecture": lecture})
    else:
        mpm_table.show_all(seen, [row["differs"] for row in rows], lecture, functools.partial(_how, settings))
    return 0


def _how(settings: Settings, model: str) -> str:
    """Return the command that starts this process model. ITK needs root, which only a container has."""
    if model == "itk":
        return "docker compose --profile itk up -d"
    return "docker compose --profile mpm up -d" if settings.compose else "./zoo up --mpm all"
