"""What a page is, and which pages there are.

A folder in pages/ is a page. Its page.py has a `PAGE`:

    path       its address; `{id}` is a parameter: /exhibit/{id}
    data       (Context, parameters) -> a record that msgspec can write; runs in a thread. Raises NotThere
    text       the record -> the text twin, for curl and screen readers
    title      for the navigation and the window
    order      place in the navigation: 1 to 5 at once, 6 to 99 below "More"; 0: not there
    check      (Context, parameters); raises NotThere, so that a browser's answer is 404, too
    live       Live: the data as it changes, at /api/<folder>/live, for a page without parameters (live.py); or None
    actions    name -> a function (Context, JSON of the POST) -> a record. It may take seconds; raises Refused
    parts      word -> a file of HTML, which stands in page.html for {{word}}
    routes     Context -> further routes below /api/<folder>/, for what is no JSON record
    most_of_a_post   bytes of the JSON of an action

Beside it are page.html and page.js, and perhaps page.css. The JSON of a page is at /api/<folder>[/parameters…]; an
action is a POST to /api/<folder>/<action>.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from starlette.routing import Route

from gateway_zoo.centre.context import Context
from gateway_zoo.centre.refused import NotThere, Refused

__all__ = ["NotThere", "Page", "Refused", "find", "known_exhibits"]

FOLDER = Path(__file__).parent / "pages"


@dataclass(frozen=True)
class Live:
    """`seconds`: between two looks at `data`. `difference`: (data before, data now) -> what a viewer gets, or None."""

    seconds: float
    difference: Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Page:
    """See above."""

    path: str
    title: str
    data: Callable[[Context, Mapping[str, str]], Any]
    text: Callable[[Any], str]
    order: int = 0
    check: Callable[[Context, Mapping[str, str]], object] = lambda *_: None
    actions: Mapping[str, Callable[[Context, Mapping[str, Any]], Any]] = field(default_factory=dict)
    parts: Mapping[str, Path] = field(default_factory=dict)
    routes: Callable[[Context], Sequence[Route]] = lambda _: ()
    live: Live | None = None
    most_of_a_post: int = 4096


def known_exhibits(*names: str) -> Callable[[Context, Mapping[str, str]], None]:
    """Make a `check` for a page whose parameters of these names are ids of exhibits."""

    def check(context: Context, given: Mapping[str, str]) -> None:
        for name in names:
            if given[name] not in context.registry.exhibits:
                raise NotThere(f"there is no exhibit {given[name][:80]!a}; / lists them")

    return check


def _load(file: Path) -> Page:
    spec = spec_from_file_location(f"zoo_page_{file.parent.name}", file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(module)
    page: Page = module.PAGE
    return page


def find() -> dict[str, Page]:
    """Load all pages: name of the folder -> page, in the order of the navigation."""
    pages = {file.parent.name: _load(file) for file in sorted(FOLDER.glob("*/page.py"))}
    return dict(sorted(pages.items(), key=lambda item: (item[1].order or 1000, item[0])))
