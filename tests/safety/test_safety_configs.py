"""The configurations as they stand: what every fragment must say, and what none may."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from zoo_in_test import FRONTS, ROOT, Zoo

from gateway_zoo.keeper import children, fronts
from gateway_zoo.serving import flup_runner
from gateway_zoo.settings import read_settings, user_of_the_zoo

#: nginx module -> directive that hands the request on
PASSES = {"fastcgi": "fastcgi_pass", "scgi": "scgi_pass", "uwsgi": "uwsgi_pass", "proxy": "proxy_pass"}
#: The one way to name a folder of files: the shared style and scripts, or what a cage calls public
PUBLIC = re.compile(r"alias \$zoo_root/(web|[a-z_]+/public(/[a-z_]+)*)/;")
FRAGMENTS = sorted((ROOT / "nginx/cages").glob("*.conf"))


def directives(path: Path) -> list[str]:
    """Lines of a configuration without comments, blanks folded."""
    lines = (re.sub(r"(^|\s)#.*", "", line) for line in path.read_text(encoding="utf-8").splitlines())
    return [" ".join(line.split()) for line in lines if line.strip()]


def locations(path: Path) -> dict[str, list[str]]:
    """`location` -> its directives. One inside another is called `outer > inner`."""
    found: dict[str, list[str]] = {}
    here: list[str] = []
    for line in directives(path):
        if line.startswith("location "):
            here.append(line.removeprefix("location ").removesuffix(" {"))
            found[" > ".join(here)] = []
        elif line == "}":
            here.pop()
        else:
            assert here, f"{path.name}: {line!r} stands outside of a location"
            found[" > ".join(here)].append(line)
    return found


@pytest.mark.parametrize("path", FRAGMENTS, ids=lambda path: path.stem)
def test_every_location_includes_the_params_of_its_protocol_and_passes_on(path: Path) -> None:
    # params/ say `alias /;`: a location without a pass would serve the files of the machine
    for name, lines in locations(path).items():
        passes = [line.split()[0] for line in lines if re.match(r"\w+_pass ", line)]
        included = [line for line in lines if line.startswith("include ")]
        if not passes:
            assert_serves_public_files(f"{path.name}: {name}", lines)
            continue
        if " > " in name:  # it inherits the parameters, the alias among them, if it says none itself; never the pass
            assert passes[0] in {line.split()[0] for line in locations(path)[name.rpartition(" > ")[0]]}, name
            assert not [line for line in lines if re.match(r"\w+_(param|set_header)|include|alias|root", line)], name
            continue
        assert len(passes) == 1, f"{path.name}: {name} passes to {passes}"
        module = next(module for module, directive in PASSES.items() if directive == passes[0])
        allowed = [f"include params/{module}.conf;"], ["include params/websocket.conf;"]
        assert included in allowed[: 2 if module == "proxy" else 1], f"{path.name}: {name}"
        if module != "proxy":
            assert f"{module}_param SCRIPT_NAME {name.rstrip('/')};" in lines, f"{path.name}: {name}"
        own = [line.split()[1] for line in lines if re.match(r"\w+_(param|set_header) ", line)]
        assert set(own) <= {"SCRIPT_NAME", "SCRIPT_FILENAME", "NO_BUFFERING"}, f"{path.name}: {name} overrides {own}"


#: What may be served as files: folders made for it, and the keeper's own texts.
PUBLIC = re.compile(r"alias (\$zoo_root/([a-z_]+/public|web)/[\w./-]*|pages/);")
#: A file, or else one that is always there: the shell of a single-page application.
SHELL = re.compile(r"try_files \$uri /[\w/-]+/index\.html;")


def assert_serves_public_files(where: str, lines: list[str]) -> None:
    """A location without a pass redirects, or serves a public folder with the headers that pages need."""
    if any(line.startswith("return 30") for line in lines):
        return
    assert len([line for line in lines if PUBLIC.fullmatch(line)]) == 1, where
    assert "include params/page.conf;" in lines, where


def test_alias_stands_only_where_a_pass_must_follow_or_files_are_public() -> None:
    for path in (ROOT / "nginx").rglob("*.conf"):
        files = [line for line in directives(path) if re.match(r"(alias|root|try_files|autoindex)\b", line)]
        plain = ["alias /;"] if path.parent.name == "params" and path.stem in PASSES.keys() - {"proxy"} else []
        assert [line for line in files if not PUBLIC.fullmatch(line) and not SHELL.fullmatch(line)] == plain, path


def params(module: str) -> dict[str, str]:
    """Name -> value with its options, of `*_param` and `proxy_set_header` lines; fails where a name stands twice."""
    found: dict[str, str] = {}
    for line in directives(ROOT / f"nginx/params/{module}.conf"):
        if match := re.match(r"(?:\w+_param|proxy_set_header) (\S+) (.+);$", line):
            assert match[1] not in found, f"{module}: {match[1]} stands twice"
            found[match[1]] = match[2]
    return found


def test_the_params_of_three_protocols_differ_in_their_prefix_only() -> None:
    def unprefixed(module: str) -> list[str]:
        lines = directives(ROOT / f"nginx/params/{module}.conf")
        # SCGI demands `SCGI: 1`, and nginx adds CONTENT_LENGTH to it by itself, as the first
        own = re.compile(r"\w+_param (SCGI|CONTENT_LENGTH) ")
        return [re.sub(rf"^{module}_", "", line) for line in lines if not own.match(line)]

    assert unprefixed("scgi") == unprefixed("fastcgi") == unprefixed("uwsgi")
    extra = {module: params(module).keys() - params("fastcgi").keys() for module in ("scgi", "uwsgi")}
    assert extra == {"scgi": {"SCGI"}, "uwsgi": set()}
    assert params("fastcgi").keys() - params("scgi").keys() == {"CONTENT_LENGTH"}


def test_every_protocol_blanks_and_sets_the_same_headers() -> None:
    variables = {n.removeprefix("HTTP_"): v for n, v in params("fastcgi").items() if n.startswith("HTTP_")}
    headers = {name.upper().replace("-", "_"): value for name, value in params("proxy").items()}
    kept_by_http = {"CONNECTION", "HOST"}  # of the connection to the gateway
    dechunked = {"TRANSFER_ENCODING"}  # nginx sends a length over HTTP by itself
    assert headers.keys() - kept_by_http == variables.keys() - dechunked
    for name in headers.keys() & variables.keys():
        assert headers[name] == variables[name].removesuffix(" if_not_empty"), name
    assert headers["PROXY"] == '""'


def test_apache_strips_what_nginx_strips() -> None:
    text = "\n".join(directives(ROOT / "apache/httpd.conf"))
    for name, value in params("proxy").items():
        if name in ("Connection", "Host"):
            continue
        words = " ".join(name.split("-"))
        early = "" if name == "X-Zoo-Follow" else " early"  # it is read before it is stripped
        stripped = re.search(rf"^(Use Strip\d {words}|RequestHeader unset {name}{early})$", text, re.MULTILINE)
        assert stripped, f"{name} is not stripped"
        if value != '""':
            assert re.search(rf"^RequestHeader set {name} ", text, re.MULTILINE), f"{name} is not set"


def test_no_regular_expression_takes_a_path_apart() -> None:
    # A regular expression may choose a location when it names whole paths; it may not cut a path into pieces.
    splits = re.compile(
        r"fastcgi_split_path_info|location ~(?! \^[^ ]+\$ \{)|rewrite (?!\^ )"
        r"|ProxyPassMatch|ScriptAliasMatch|AliasMatch"
    )
    for path in (*(ROOT / "nginx").rglob("*.conf"), *(ROOT / "apache").rglob("*.conf")):
        for line in directives(path):
            assert not splits.match(line), f"{path.name}: {line}"
            assert not (line.startswith("RewriteRule") and "[P" in line and "[PT]" not in line), f"{path.name}: {line}"


def test_no_two_proxy_workers_share_a_name() -> None:
    targets: list[str] = []
    for path in (ROOT / "apache/cages").glob("*.conf"):
        for line in directives(path):
            if line.startswith("ProxyPass ") and line.split()[2] != '"!"':  # "!": not passed on, but a file of ours
                targets.append(re.sub(r".*\|", "", line.split()[2].strip('"')))
                assert "retry=0" in line, line
    assert len(targets) == len(set(targets)), targets


@pytest.mark.parametrize("front", FRONTS)
def test_the_web_server_itself_accepts_its_configuration(zoo: Zoo, front: str) -> None:
    made = read_settings(zoo.env | {"ZOO_ROOT": str(zoo.root)})
    user = user_of_the_zoo()
    become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    piped = ["sh", "-c", '"$@" 2>&1 | cat', "sh"]  # a pipe of their own: they open /dev/stdout by name
    done = subprocess.run(
        [*(become if os.geteuid() == 0 else []), *piped, *fronts.command(front, made), "-t"],
        env=children.environment(made, front, "test"),
        cwd=made.sockets,
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.search(r"test is successful|^Syntax OK", done.stdout, re.MULTILINE), done.stdout
    assert not re.search(r"warn|AH\d{5}", done.stdout), done.stdout
    assert zoo.get("fastcgi", front).status_code == 200  # it has broken nothing


def test_flask_shows_no_debugger(zoo: Zoo) -> None:
    code = "import zoo_app; print(zoo_app.app.debug, zoo_app.app.testing, zoo_app.app.config['PROPAGATE_EXCEPTIONS'])"
    environ = children.environment(read_settings(zoo.env | {"ZOO_ROOT": str(ROOT)}), "test", "test")
    argv = [sys.executable, "-P", "-c", code]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False", "None"]


def test_flup_shows_no_tracebacks_to_visitors() -> None:
    seen: dict[str, Any] = {}

    class WSGIServer:
        """Stands for flup's: keeps what it was told, and starts nothing."""

        _jobClass = object  # noqa: N815 - flup's name

        def __init__(self, app: object, **options: object) -> None:
            seen.update(options, app=app)

        def run(self) -> None:
            seen["ran"] = True

    flup_runner.run(WSGIServer, "the app", "unused.sock")
    assert seen["ran"]
    assert seen["debug"] is False
