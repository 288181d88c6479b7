"""The program of the traits: it stands before app/ on the gateways' path, so every launcher loads it as `zoo_app`.

A trait brings its own program: traits/NAME.py has `app` (WSGI), and perhaps `asgi` (ASGI) or `cgi` (the plain output of
a CGI program). A request for /<exhibit>/NAME/... goes to that function, and so does a request with the header X-Trait:
NAME, for traits that ask what becomes of the path. All other requests go to the zoo's app, which is loaded late only
under CGI, where a request for a trait must not pay for it. Elsewhere it is loaded with this file, and so are the traits
fork_*.py: they ask what a process inherits that is forked afterwards.

`hello`, `ping` and `status` answer as ever, so the keeper knows when a gateway is ready.
"""

import importlib.util
import os
import re
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

TRAITS = Path(__file__).resolve().parents[1]
LOADED = time.monotonic()  # on the clock of the machine, which all processes share
_modules: dict[str, ModuleType] = {}


def _load(name: str, file: Path) -> ModuleType:
    """Load a file once, under a name that no other module has."""
    if name not in _modules:
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        _modules[name] = module
    return _modules[name]


def _zoo_app() -> ModuleType:
    return _load("zoo_app_itself", TRAITS.parent / "app/zoo_app.py")


def __getattr__(name: str) -> Any:
    """What other programs import from zoo_app beside `app`."""
    if name.startswith("__"):  # `from zoo_app import app` looks for __path__, and must not load Flask
        raise AttributeError(name)
    return getattr(_zoo_app(), name)


def _trait(path: str) -> ModuleType | None:
    """The trait that a path names: /NAME/..."""
    match = re.match(r"/+([a-z0-9_]+)/", path)
    file = TRAITS / f"{match[1]}.py" if match else None
    return _load(f"zoo_trait_{file.stem}", file) if file and file.is_file() else None


class Program:
    """The WSGI program; `asgi` finds the ASGI program of a trait."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == "/-traits":  # does this exhibit run us?
            start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "7")])
            return [b"traits\n"]
        trait = _trait(environ.get("PATH_INFO", "")) or _trait(f"/{environ.get('HTTP_X_TRAIT')}/")
        program = getattr(trait, "app", None) or _zoo_app().app
        answer: Iterable[bytes] = program(environ, start_response)
        return answer

    def asgi(self, scope: dict[str, Any]) -> Callable[..., Any] | None:
        """None where the trait has no ASGI program."""
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        program: Callable[..., Any] | None = getattr(_trait(path), "asgi", None)
        return program

    def __getattr__(self, name: str) -> Any:
        """What an exhibit with pages of its own adds to the Flask app."""
        return getattr(_zoo_app().app, name)


app = Program()

if "GATEWAY_INTERFACE" not in os.environ:  # a CGI program forks no worker
    _zoo_app()
    for _file in sorted(TRAITS.glob("fork_*.py")):
        _load(f"zoo_trait_{_file.stem}", _file)

if "GATEWAY_INTERFACE" in os.environ:  # a CGI program: the trait may want to write its whole output itself
    _program = getattr(_trait(os.environ.get("PATH_INFO", "")), "cgi", None)
    if _program:
        _program(dict(os.environ), sys.stdout.buffer)
        sys.stdout.buffer.flush()
        os._exit(0)
